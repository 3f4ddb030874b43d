/**
 * The thread that renders publications, so that the event loop of the daemon never waits for hashing, compressing or
 * a large query. Started by Renderer; answers requests one after the other.
 */
import { parentPort, workerData } from "node:worker_threads";
import { type DatabaseLocation, openDatabaseReader } from "../database/index.ts";
import { AppError, assert, errorChain, silentLogger } from "../runtime/index.ts";
import { IndexMemory } from "./index-memory.ts";
import { type RenderedGeneration, type RenderRequest, renderGeneration } from "./render.ts";

export interface WorkerQuestion {
  readonly id: number;
  readonly request: RenderRequest;
}

export type WorkerAnswer =
  | { readonly id: number; readonly release: string }
  | { readonly id: number; readonly rendered: RenderedGeneration; readonly heldBytes: number }
  | { readonly id: number; readonly failure: { readonly isTemporary: boolean; readonly chain: readonly string[] } };

const { location } = workerData as { location: DatabaseLocation };
const port = parentPort;
assert(port !== null, "render-worker.ts runs only as a worker thread");
// Slow queries are what this thread is for.
const reader = openDatabaseReader(location, { logger: silentLogger });
const memory = new IndexMemory();
let last: Promise<void> = Promise.resolve();

port.on("message", (question: WorkerQuestion) => {
  last = last.then(() => answer(question)).then(() => memory.keep(question.request));
});

async function answer({ id, request }: WorkerQuestion): Promise<void> {
  try {
    const indexes = await memory.take(request);
    const onRelease = (release: string): void => post({ id, release });
    const rendered = await renderGeneration({ db: reader.read, indexes, onRelease }, request);
    memory.put(request, indexes);
    post({ id, rendered, heldBytes: memory.sizeBytes });
  } catch (error) {
    post({ id, failure: describeFailure(error) });
  }
}

function post(message: WorkerAnswer): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  port?.postMessage(message);
}

function describeFailure(error: unknown): { isTemporary: boolean; chain: string[] } {
  const isDiskFull = ["ENOSPC", "EDQUOT"].includes((error as NodeJS.ErrnoException).code ?? "");
  return { isTemporary: isDiskFull || (error instanceof AppError && error.kind === "unavailable"), chain: errorChain(error) };
}
