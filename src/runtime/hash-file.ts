import { readFile, stat } from "node:fs/promises";
import { Worker } from "node:worker_threads";
import { DigestSet, type FileHashes } from "./digest-set.ts";

/** Up to this size all digests take less than 10 ms: less than a thread costs. */
const INLINE_BYTES_MAX = 1024 ** 2;

/** All digests of a file, read once; a large one in a thread, as the event loop must go on. Throws what reading throws. */
export async function hashFile(path: string): Promise<FileHashes> {
  const { size } = await stat(path);
  if (size > INLINE_BYTES_MAX) return hashInThread(path);

  const digests = new DigestSet();
  digests.update(await readFile(path));
  return digests.result();
}

function hashInThread(path: string): Promise<FileHashes> {
  // Node runs the .ts from the sources and the .js from dist/.
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const worker = new Worker(new URL(`./hash-worker.${extension}`, import.meta.url), { workerData: path, name: "hash" });
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", (code) => reject(new Error(`hashing ${path} ended with ${code}`)));
  });
}
