import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";

/** Often enough for what lasts, seldom enough to disturb nobody: a look at 500 MB takes milliseconds. */
const LOOK_MS = 250;

/** Runs the programs of a peer, one after the other, and remembers the most memory that one had, with all it started. */
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

  #look({ pid }: ChildProcess): void {
    if (pid !== undefined) this.#peakBytes = Math.max(this.#peakBytes, residentBytes(String(pid)));
  }
}

/** Of a process and those that it started; what processes share counts once. */
function residentBytes(pid: string): number {
  try {
    const kibibytes = Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "latin1"))?.[1] ?? 0);
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").split(" ");
    return children.filter((child) => child !== "").reduce((sum, child) => sum + residentBytes(child), kibibytes * 1024);
  } catch {
    // It has ended.
    return 0;
  }
}
