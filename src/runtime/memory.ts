import { readFile } from "node:fs/promises";
import { freemem } from "node:os";

/** What programs could still use without swapping: free memory and caches that can be dropped. */
export async function availableMemoryBytes(): Promise<number> {
  const text = await readFile("/proc/meminfo", "utf8").catch(() => "");
  const [, kilobytes] = /^MemAvailable:\s+(\d+) kB$/m.exec(text) ?? [];
  return kilobytes === undefined ? freemem() : Number(kilobytes) * 1024;
}
