import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";

/** Often enough to see the highest mark, which the kernel keeps, shortly before the end. */
const LOOK_MS = 20;

/** Runs the programs of a peer, one after the other, and remembers the most memory that one of them had. */
export class MeasuredPrograms {
  readonly #env: Readonly<Record<string, string>>;
  #peakBytes = 0;

  constructor(env: Readonly<Record<string, string>>) {
    this.#env = env;
  }

  get peakMegabytes(): number {
    return this.#peakBytes / 1e6;
  }

  /** Standard output. Throws with standard error when it fails. */
  async run(argv: readonly [string, ...string[]]): Promise<string> {
    const [program, ...args] = argv;
    const child = spawn(program, args, { env: { PATH: process.env["PATH"] ?? "", LC_ALL: "C.UTF-8", ...this.#env } });
    const output: { stdout: Buffer[]; stderr: Buffer[] } = { stdout: [], stderr: [] };
    child.stdout.on("data", (bytes: Buffer) => output.stdout.push(bytes));
    child.stderr.on("data", (bytes: Buffer) => output.stderr.push(bytes));
    const look = setInterval(() => this.#look(child), LOOK_MS);
    try {
      const code = await new Promise<number | null>((resolve, reject) => {
        child.once("error", reject);
        child.once("close", resolve);
      });
      if (code !== 0)
        throw new Error(`${argv.slice(0, 4).join(" ")} ended with ${code}:\n${Buffer.concat(output.stderr).toString()}`);
      return Buffer.concat(output.stdout).toString();
    } finally {
      clearInterval(look);
    }
  }

  #look(child: ChildProcess): void {
    try {
      const status = readFileSync(`/proc/${child.pid}/status`, "latin1");
      const kibibytes = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
      this.#peakBytes = Math.max(this.#peakBytes, kibibytes * 1024);
    } catch {
      // It has ended.
    }
  }
}
