/** The thread that gathers the packages to judge. Started by writeUniverseInThread; ends with its one answer. */
import { parentPort, workerData } from "node:worker_threads";
import { openDatabaseReader } from "../database/index.ts";
import { silentLogger } from "../runtime/index.ts";
import type { UniverseThreadData } from "./installability-thread.ts";
import { writeUniverse } from "./installability-universe.ts";

const { location, request } = workerData as UniverseThreadData;
// Slow queries are what this thread is for.
const reader = openDatabaseReader(location, { logger: silentLogger });
try {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  parentPort?.postMessage(await writeUniverse(reader.read, request));
} finally {
  await reader.close();
}
