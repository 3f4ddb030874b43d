import { availableParallelism } from "node:os";
import { basename } from "node:path";
import type { ReadDebOptions } from "../formats/index.ts";
import { AppError, collectGarbage, FileSystemSyncer, hashFile, ModuleProcess, makeDirectory } from "../runtime/index.ts";
import type { ContentStore } from "./content-store.ts";
import { type ImportedBinary, importBinary } from "./import-package.ts";
import type { ImportAnswer, ImportTask } from "./import-process.ts";

export interface ImportBinariesOptions extends ReadDebOptions {
  readonly homePath: string;
  /**
   * The files are the archive's from now on, and nobody changes them any more: where the file system allows, they are
   * linked, not copied.
   */
  readonly areGiven?: boolean | undefined;
}

/** Up to this many, processes cost more than they save. */
const FEW_FILES = 32;
/** Of one task: so many descriptions are held at a time, for each process. */
const TASK_FILES = 100;
/** For each process, at work and waiting: they go on while a portion becomes durable and goes into the database. */
const TASKS_AHEAD = 9;
/** Reading takes two processors less time than the database takes one. */
const PROCESSES_MAX = 2;
/** At least, of one portion, two of which are held: what makes it durable and commits it costs about the same however little it is. */
export const PORTION_FILES = 2_000;
/** Portions after which their garbage goes: left alone, V8 finds no time for it and takes 70 MB more. */
const COLLECTED_PORTIONS = 2;
/** Megabytes, of each: the descriptions of a task, and what reading one package takes. */
const HEAP_SIZE_MAX = 128;

/**
 * importBinary for any number of files that nobody has announced: they are what they are. In portions, in the order of
 * the paths; a portion is durable when it comes. Throws what importBinary throws.
 */
export async function* importBinaries(
  store: ContentStore,
  filePaths: readonly string[],
  options: ImportBinariesOptions,
): AsyncGenerator<ImportedBinary[]> {
  const one = (path: string): Promise<ImportedBinary> => importUnannounced(store, path, options);
  if (filePaths.length <= FEW_FILES) {
    const binaries: ImportedBinary[] = [];
    for (const path of filePaths) binaries.push(await one(path));
    if (binaries.length > 0) yield binaries;
    return;
  }

  await makeDirectory(store.rootPath);
  const syncer = new FileSystemSyncer(store.rootPath);
  try {
    yield* importPortions(store, { filePaths, processes: new ImportProcesses(options), syncer, one });
  } finally {
    syncer.close();
  }
}

interface PortionSource {
  readonly filePaths: readonly string[];
  readonly processes: ImportProcesses;
  readonly syncer: FileSystemSyncer;
  readonly one: (path: string) => Promise<ImportedBinary>;
}

/** While a portion is used, the next one becomes durable, and the processes work at those after it. */
async function* importPortions(store: ContentStore, source: PortionSource): AsyncGenerator<ImportedBinary[]> {
  const answers = askAhead(source);
  const takePortion = async (): Promise<ImportedBinary[]> => {
    const binaries: ImportedBinary[] = [];
    while (binaries.length < PORTION_FILES) {
      const { value: some, done } = await answers.next();
      if (done === true) break;
      for (const binary of some) binaries.push(binary);
    }
    if (binaries.length === 0) return binaries;
    store.noteImported(binaries.map(({ file }) => file));
    await source.syncer.sync();
    return binaries;
  };

  let next = takePortion();
  try {
    let portionCount = 0;
    for (let portion = await next; portion.length > 0; portion = await next) {
      next = takePortion();
      // Whoever takes it gets the error.
      next.catch(() => undefined);
      portionCount += 1;
      if (portionCount % COLLECTED_PORTIONS === 0) collectGarbage();
      yield portion;
    }
  } finally {
    // Who needs no more is not answered while something is still being written.
    await source.processes.close();
    await next.catch(() => undefined);
  }
}

/** What each task gave, in order; always with tasks waiting for each process. */
async function* askAhead({ filePaths, processes, one }: PortionSource): AsyncGenerator<ImportedBinary[]> {
  const ahead: { paths: readonly string[]; answer: Promise<ImportAnswer["binaries"]> }[] = [];
  let from = 0;
  const fill = (): void => {
    for (; ahead.length < TASKS_AHEAD * processes.count && from < filePaths.length; from += TASK_FILES) {
      const paths = filePaths.slice(from, from + TASK_FILES);
      const answer = processes.import(paths);
      // Whoever takes it out gets the error.
      answer.catch(() => undefined);
      ahead.push({ paths, answer });
    }
  };

  fill();
  for (let first = ahead.shift(); first !== undefined; first = ahead.shift()) {
    const found = await first.answer;
    fill();
    const binaries: ImportedBinary[] = [];
    for (const [index, path] of first.paths.entries()) binaries.push(found[index] ?? (await one(path)));
    yield binaries;
  }
}

async function importUnannounced(store: ContentStore, path: string, options: ReadDebOptions): Promise<ImportedBinary> {
  const { sha256, sizeBytes } = await hashFile(path);
  return importBinary(store, path, { name: basename(path), sha256, sizeBytes }, options);
}

/** Processes that import, each one task after the other. */
class ImportProcesses {
  readonly #given: Pick<ImportTask, "homePath" | "options" | "areGiven">;
  readonly #processes: ModuleProcess[];
  readonly #waiting = new Map<number, PromiseWithResolvers<ImportAnswer["binaries"]>>();
  #nextId = 0;

  constructor({ homePath, limits, areGiven = false }: ImportBinariesOptions) {
    this.#given = { homePath, options: limits === undefined ? {} : { limits }, areGiven };
    // Node runs the .ts from the sources and the .js from dist/.
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const url = new URL(`./import-process.${extension}`, import.meta.url);
    this.#processes = Array.from(
      { length: Math.min(availableParallelism(), PROCESSES_MAX) },
      () =>
        new ModuleProcess(url, {
          heapSizeMax: HEAP_SIZE_MAX,
          onMessage: (answer) => this.#take(answer as ImportAnswer),
          onEnd: (how) => this.#fail(how),
        }),
    );
  }

  get count(): number {
    return this.#processes.length;
  }

  import(paths: readonly string[]): Promise<ImportAnswer["binaries"]> {
    const id = this.#nextId++;
    const answer = Promise.withResolvers<ImportAnswer["binaries"]>();
    this.#waiting.set(id, answer);
    const task: ImportTask = { id, ...this.#given, paths };
    this.#processes[id % this.#processes.length]?.send(task);
    return answer.promise;
  }

  async close(): Promise<void> {
    await Promise.all(this.#processes.map((each) => each.close()));
    this.#fail("the import was given up");
  }

  #take({ id, binaries }: ImportAnswer): void {
    this.#waiting.get(id)?.resolve(binaries);
    this.#waiting.delete(id);
  }

  #fail(how: string | undefined): void {
    const cause = `a process that imports ended: ${how ?? "it was given up"}`;
    const error = new AppError({
      kind: "unavailable",
      code: "IMPORT_FAILED",
      message: "binary packages could not be imported",
      hint: "Import them again; what is there already is found",
      cause,
    });
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
