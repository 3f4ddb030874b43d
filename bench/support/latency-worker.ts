import { Agent, get } from "node:http";
import { parentPort, workerData } from "node:worker_threads";

const { urls, intervalMs } = workerData as { urls: readonly string[]; intervalMs: number };
const agent = new Agent({ keepAlive: true, maxSockets: 64 });
const latencies: Record<string, number[]> = Object.fromEntries(urls.map((url) => [url, []]));

// So that the first answers do not pay for connecting.
await Promise.all(urls.map((url) => ask(url)));
let moment = 0;
const timer = setInterval(() => {
  for (const url of urls) measure(url, moment);
  moment += 1;
}, intervalMs);
parentPort?.once("message", () => {
  clearInterval(timer);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  parentPort?.postMessage(latencies);
});
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
parentPort?.postMessage("started");

function measure(url: string, at: number): void {
  const startedMs = performance.now();
  void ask(url).then(() => {
    const values = latencies[url];
    if (values !== undefined) values[at] = performance.now() - startedMs;
  });
}

/** Rejects when the answer is no success: the bench fails then. */
function ask(url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent }, (answer) => {
      if (answer.statusCode !== 200) reject(new Error(`${url} answers ${answer.statusCode}`));
      answer.resume();
      answer.once("end", () => resolve());
    });
    request.once("error", reject);
  });
}
