import type { DatabaseLocation } from "../database/index.ts";
import { AppError, ModuleProcess } from "../runtime/index.ts";
import type { PoolLock } from "./pool-lock.ts";
import type { RenderedGeneration, RenderRequest } from "./render.ts";
import type { RenderAnswer, RenderQuestion } from "./render-process.ts";

/** A process costs some 60 MB: without work for this long it ends, unless it holds much that the next one would have to read. */
const IDLE_TIMEOUT_MS = 30_000;
const HELD_BYTES_KEPT = 1024 ** 2;

interface Waiting extends PromiseWithResolvers<RenderedGeneration> {
  readonly request: RenderRequest;
  readonly onRelease: ((release: string) => void) | undefined;
}

/** Renders publications in a process that comes and goes with the work. */
export class Renderer {
  readonly #location: DatabaseLocation;
  readonly #poolLock: PoolLock;
  readonly #waiting = new Map<number, Waiting>();
  /** Distribution → the change at which the process has its indexes, as far as it has room for them. */
  readonly #held = new Map<string, number>();
  #process: ModuleProcess | undefined;
  #nextId = 1;
  #idleTimer: NodeJS.Timeout | undefined;

  constructor(location: DatabaseLocation, poolLock: PoolLock) {
    this.#location = location;
    this.#poolLock = poolLock;
  }

  /**
   * `onRelease` gets the text of Release while the indexes are being written. Throws PUBLICATION_FAILED: `unavailable`
   * when it may pass (a full disk), else `bug`.
   */
  async render(
    request: RenderRequest,
    options: { readonly onRelease?: (release: string) => void } = {},
  ): Promise<RenderedGeneration> {
    // Rendering links files into the pool of the repository.
    return this.#poolLock.shared(() => this.#render(request, options));
  }

  async #render(
    request: RenderRequest,
    { onRelease }: { readonly onRelease?: (release: string) => void },
  ): Promise<RenderedGeneration> {
    clearTimeout(this.#idleTimer);
    const child = (this.#process ??= this.#start());
    const id = this.#nextId++;
    const answer = Promise.withResolvers<RenderedGeneration>();
    this.#waiting.set(id, { ...answer, request, onRelease });
    child.ref();
    child.send({ id, location: this.#location, request } satisfies RenderQuestion);
    return answer.promise;
  }

  /** Whether the indexes of a distribution at a change are in memory: rendering them again takes next to no time. */
  holds({ settings, change }: Pick<RenderRequest, "settings" | "change">): boolean {
    return this.#held.get(settings.name) === change;
  }

  /** What is being rendered fails. */
  async close(): Promise<void> {
    clearTimeout(this.#idleTimer);
    await this.#process?.close();
  }

  #start(): ModuleProcess {
    // Node runs the .ts from the sources and the .js from dist/.
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const started: ModuleProcess = new ModuleProcess(new URL(`./render-process.${extension}`, import.meta.url), {
      onMessage: (message) => this.#take(message as RenderAnswer),
      onEnd: (how) => this.#lose(started, how),
    });
    return started;
  }

  #take(answer: RenderAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    if ("release" in answer) return waiting?.onRelease?.(answer.release);
    this.#waiting.delete(answer.id);
    if (waiting?.request.snapshot === undefined) this.#hold(waiting?.request, "rendered" in answer);
    if ("rendered" in answer) waiting?.resolve(answer.rendered);
    else waiting?.reject(renderingFailed(answer.failure.isTemporary, answer.failure.chain.join(": ")));
    if (this.#waiting.size > 0) return;

    this.#process?.unref();
    if ("heldBytes" in answer && answer.heldBytes > HELD_BYTES_KEPT) return;
    this.#idleTimer = setTimeout(() => void this.close(), IDLE_TIMEOUT_MS).unref();
  }

  #hold(request: RenderRequest | undefined, isRendered: boolean): void {
    if (request === undefined) return;
    if (isRendered) this.#held.set(request.settings.name, request.change);
    else this.#held.delete(request.settings.name);
  }

  /** Whoever killed it, it can be started again. */
  #lose(ended: ModuleProcess, how: string | undefined): void {
    if (this.#process !== ended) return;

    this.#process = undefined;
    this.#held.clear();
    const cause = how === undefined ? "rendering was given up" : `the process that renders ended with ${how}`;
    for (const waiting of this.#waiting.values()) waiting.reject(renderingFailed(true, cause));
    this.#waiting.clear();
  }
}

function renderingFailed(isTemporary: boolean, cause: unknown): AppError {
  return new AppError({
    kind: isTemporary ? "unavailable" : "bug",
    code: "PUBLICATION_FAILED",
    message: "the indexes of a distribution could not be written; readers keep the previous ones",
    hint: "It is tried again; look at the cause in the daemon's log",
    cause,
  });
}
