import { availableParallelism } from "node:os";
import { basename } from "node:path";
import { Worker } from "node:worker_threads";
import type { ReadDebOptions } from "../formats/index.ts";
import { hashFile, makeDirectory, syncFileSystem } from "../runtime/index.ts";
import type { ContentStore } from "./content-store.ts";
import { type ImportedBinary, importBinary } from "./import-package.ts";
import type { ImportAnswer, ImportTask } from "./import-worker.ts";

export interface ImportBinariesOptions extends ReadDebOptions {
  readonly homePath: string;
}

/** Up to this many, threads cost more than they save. */
const FEW_FILES = 32;
/** Of one task: so many descriptions are held at a time, for each thread. */
const TASK_FILES = 250;
const THREADS_MAX = 4;

/**
 * importBinary for any number of files that nobody has announced: they are what they are. In portions, in the order of
 * the paths; a portion is durable when it comes. Throws what importBinary throws.
 */
export async function* importBinaries(
  store: ContentStore,
  filePaths: readonly string[],
  { homePath, ...options }: ImportBinariesOptions,
): AsyncGenerator<ImportedBinary[]> {
  const one = (path: string): Promise<ImportedBinary> => importUnannounced(store, path, options);
  if (filePaths.length <= FEW_FILES) {
    const binaries: ImportedBinary[] = [];
    for (const path of filePaths) binaries.push(await one(path));
    if (binaries.length > 0) yield binaries;
    return;
  }

  await makeDirectory(store.rootPath);
  const threads = new ImportThreads(homePath, options);
  try {
    yield* importPortions(store, { filePaths, threads, one });
  } finally {
    await threads.close();
  }
}

interface PortionSource {
  readonly filePaths: readonly string[];
  readonly threads: ImportThreads;
  readonly one: (path: string) => Promise<ImportedBinary>;
}

/** While a portion is used, the threads work at the next ones. */
async function* importPortions(
  store: ContentStore,
  { filePaths, threads, one }: PortionSource,
): AsyncGenerator<ImportedBinary[]> {
  const ahead: { paths: readonly string[]; answer: Promise<ImportAnswer["binaries"]> }[] = [];
  let from = 0;
  const askAhead = (): void => {
    for (; ahead.length < 2 * threads.count && from < filePaths.length; from += TASK_FILES) {
      const paths = filePaths.slice(from, from + TASK_FILES);
      const answer = threads.import(paths);
      // Whoever takes it out gets the error.
      answer.catch(() => undefined);
      ahead.push({ paths, answer });
    }
  };

  for (askAhead(); ahead.length > 0; askAhead()) {
    const portions = ahead.splice(0, threads.count);
    askAhead();
    const binaries: ImportedBinary[] = [];
    for (const { paths, answer } of portions) {
      const found = await answer;
      for (const [index, path] of paths.entries()) binaries.push(found[index] ?? (await one(path)));
    }
    store.noteImported(binaries.map(({ file }) => file));
    await syncFileSystem(store.rootPath);
    yield binaries;
  }
}

async function importUnannounced(store: ContentStore, path: string, options: ReadDebOptions): Promise<ImportedBinary> {
  const { sha256, sizeBytes } = await hashFile(path);
  return importBinary(store, path, { name: basename(path), sha256, sizeBytes }, options);
}

/** Threads that import, each one task after the other. */
class ImportThreads {
  readonly #workers: Worker[];
  readonly #waiting = new Map<number, PromiseWithResolvers<ImportAnswer["binaries"]>>();
  #nextId = 0;

  constructor(homePath: string, options: ReadDebOptions) {
    // Node runs the .ts from the sources and the .js from dist/.
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const url = new URL(`./import-worker.${extension}`, import.meta.url);
    const { signal: _, ...settable } = options;
    this.#workers = Array.from({ length: Math.min(availableParallelism(), THREADS_MAX) }, () => {
      const worker = new Worker(url, { workerData: { homePath, options: settable }, name: "archive-import" });
      worker.on("message", ({ id, binaries }: ImportAnswer) => {
        this.#waiting.get(id)?.resolve(binaries);
        this.#waiting.delete(id);
      });
      worker.once("error", (error) => this.#fail(error));
      return worker;
    });
  }

  get count(): number {
    return this.#workers.length;
  }

  import(paths: readonly string[]): Promise<ImportAnswer["binaries"]> {
    const id = this.#nextId++;
    const answer = Promise.withResolvers<ImportAnswer["binaries"]>();
    this.#waiting.set(id, answer);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    this.#workers[id % this.#workers.length]?.postMessage({ id, paths } satisfies ImportTask);
    return answer.promise;
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
    this.#fail(new Error("the import was given up"));
  }

  #fail(error: unknown): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
