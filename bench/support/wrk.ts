import { runChecked } from "../../src/runtime/index.ts";

/** Requests per second over 8 connections, by wrk (Debian's). Throws when an answer is no success. */
export async function requestsPerSecond(url: string, seconds: number): Promise<number> {
  const env = { PATH: process.env["PATH"] ?? "", LD_LIBRARY_PATH: process.env["LD_LIBRARY_PATH"] ?? "" };
  const ended = await runChecked({ argv: ["wrk", "-t1", "-c8", `-d${seconds}s`, url], env, timeoutMs: seconds * 1000 + 30_000 });
  const output = ended.stdout.toString();
  if (/Non-2xx|Socket errors/.test(output)) throw new Error(`${url}: ${output}`);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]);
}
