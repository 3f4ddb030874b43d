import { Worker } from "node:worker_threads";
import type { DatabaseLocation } from "../database/index.ts";
import { AppError } from "../runtime/index.ts";
import type { Universe, UniverseRequest } from "./installability-universe.ts";

export interface UniverseThreadData {
  readonly location: DatabaseLocation;
  readonly request: UniverseRequest;
}

/** writeUniverse in a thread of its own: it reads some 50 MB of package lists. Throws INSTALLABILITY_FAILED. */
export function writeUniverseInThread(location: DatabaseLocation, request: UniverseRequest): Promise<Universe> {
  // Node runs the .ts from the sources and the .js from dist/.
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const workerData: UniverseThreadData = { location, request };
  const worker = new Worker(new URL(`./installability-worker.${extension}`, import.meta.url), {
    workerData,
    name: "installability",
  });
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown): void => reject(universeFailed(cause));
    worker.once("message", (universe: Universe) => resolve(universe));
    worker.once("error", fail);
    worker.once("exit", () => fail("the thread ended"));
  });
}

function universeFailed(cause: unknown): AppError {
  return new AppError({
    kind: "unavailable",
    code: "INSTALLABILITY_FAILED",
    message: "the packages to judge could not be gathered",
    hint: "Look at the cause in the daemon's log",
    cause,
  });
}
