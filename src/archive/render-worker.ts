/**
 * The thread that renders publications, so that the event loop of the daemon never waits for hashing, compressing or
 * a large query. Started by Renderer; answers one request at a time.
 */
import { parentPort, workerData } from "node:worker_threads";
import { type DatabaseLocation, openDatabaseReader } from "../database/index.ts";
import { AppError, assert, errorChain, silentLogger } from "../runtime/index.ts";
import { type RenderedGeneration, type RenderRequest, renderGeneration } from "./render.ts";

export interface WorkerQuestion {
  readonly id: number;
  readonly request: RenderRequest;
}

export type WorkerAnswer =
  | { readonly id: number; readonly rendered: RenderedGeneration }
  | { readonly id: number; readonly failure: { readonly isTemporary: boolean; readonly chain: readonly string[] } };

const { location } = workerData as { location: DatabaseLocation };
const port = parentPort;
assert(port !== null, "render-worker.ts runs only as a worker thread");
// Slow queries are what this thread is for.
const reader = openDatabaseReader(location, { logger: silentLogger });

port.on("message", ({ id, request }: WorkerQuestion) => {
  renderGeneration(reader.read, request)
    .then((rendered): WorkerAnswer => ({ id, rendered }))
    .catch((error: unknown): WorkerAnswer => ({ id, failure: describeFailure(error) }))
    .then((answer) => port.postMessage(answer))
    .catch((error: unknown) => {
      throw error;
    });
});

function describeFailure(error: unknown): { isTemporary: boolean; chain: string[] } {
  const isDiskFull = ["ENOSPC", "EDQUOT"].includes((error as NodeJS.ErrnoException).code ?? "");
  return { isTemporary: isDiskFull || (error instanceof AppError && error.kind === "unavailable"), chain: errorChain(error) };
}
