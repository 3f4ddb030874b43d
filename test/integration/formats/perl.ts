import { runChecked } from "../../../src/runtime/index.ts";

/** Lines of a perl program for a whole batch of input lines: starting dpkg's perl modules takes longer than their work. */
export async function runPerl(modules: readonly string[], program: string, lines: readonly string[]): Promise<string[]> {
  const { stdout } = await runChecked({
    argv: ["perl", "-CS", ...modules.map((module) => `-M${module}`), "-e", program],
    input: lines.map((line) => `${line}\n`).join(""),
    timeoutMs: 60_000,
    outputBytesMax: 64 * 1024 ** 2,
  });
  return stdout.toString("utf8").replace(/\n$/, "").split("\n");
}
