import { runChecked } from "../../src/runtime/index.ts";

/**
 * Requests per second over 8 connections, by wrk (Debian's); with `oneEach`, each over a connection of its own. Throws when
 * an answer is no success.
 */
export async function requestsPerSecond(url: string, seconds: number, { oneEach = false } = {}): Promise<number> {
  const env = { PATH: process.env["PATH"] ?? "", LD_LIBRARY_PATH: process.env["LD_LIBRARY_PATH"] ?? "" };
  const header = oneEach ? ["-H", "Connection: close"] : [];
  const argv = ["wrk", "-t1", "-c8", `-d${seconds}s`, ...header, url] as const;
  const ended = await runChecked({ argv, env, timeoutMs: seconds * 1000 + 30_000 });
  const output = ended.stdout.toString();
  if (/Non-2xx|Socket errors/.test(output)) throw new Error(`${url}: ${output}`);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]);
}
