/** The thread of hashFile: reads one file and answers with its digests. */
import { closeSync, openSync, readSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { DigestSet } from "./digest-set.ts";

const CHUNK_BYTES = 1024 ** 2;

const digests = new DigestSet();
const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
const descriptor = openSync(workerData as string, "r");
try {
  for (let length = readSync(descriptor, chunk); length > 0; length = readSync(descriptor, chunk)) {
    digests.update(chunk.subarray(0, length));
  }
} finally {
  closeSync(descriptor);
}
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
parentPort?.postMessage(digests.result());
