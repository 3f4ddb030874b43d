import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";

/** Often enough for what lasts. */
const LOOK_MS = 250;
/**
 * What is shared is known only by a walk through all pages, 30 ms for our processes, in which they may have to wait. It is
 * done where the kernel's own counters say about as much as at the last peak, or more.
 */
const NEAR_PEAK = 0.97;
const PAGE_BYTES = 4096;

/** Runs the programs of a peer, one after the other, and remembers the most memory that one had, with all it started. */
export class MeasuredPrograms {
  readonly #env: Readonly<Record<string, string>>;
  #peakBytes = 0;
  #peakEstimate = 0;

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
    if (pid === undefined) return;
    const pids = [...withDescendants(String(pid))];
    const estimate = estimateBytes(pids);
    if (estimate < this.#peakEstimate * NEAR_PEAK) return;
    this.#peakEstimate = Math.max(this.#peakEstimate, estimate);
    this.#peakBytes = Math.max(this.#peakBytes, proportionalBytes(pids));
  }
}

function* withDescendants(pid: string): Generator<string> {
  yield pid;
  const children = readProcess(pid, `task/${pid}/children`).split(" ");
  for (const child of children) if (child !== "") yield* withDescendants(child);
}

/** Of all together: what is anonymous in each, and the most that one has of files, since it is the same program. */
function estimateBytes(pids: readonly string[]): number {
  const pages = pids.map((pid) => readProcess(pid, "statm").split(" ").map(Number));
  const anonymous = pages.reduce((sum, [, resident = 0, shared = 0]) => sum + resident - shared, 0);
  return (anonymous + Math.max(...pages.map(([, , shared = 0]) => shared))) * PAGE_BYTES;
}

/** What processes share counts once. */
function proportionalBytes(pids: readonly string[]): number {
  const kibibytes = pids.map((pid) => Number(/^Pss:\s+(\d+) kB$/m.exec(readProcess(pid, "smaps_rollup"))?.[1] ?? 0));
  return kibibytes.reduce((sum, each) => sum + each, 0) * 1024;
}

/** Empty when it has ended. */
function readProcess(pid: string, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "latin1");
  } catch {
    return "";
  }
}
