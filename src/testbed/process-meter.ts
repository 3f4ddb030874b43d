import { type ChildProcess, spawn } from "node:child_process";
import { createInterface, type Interface } from "node:readline";
import { minimalEnvironment, runCommand } from "../runtime/index.ts";
import type { IdMap } from "./id-map.ts";
import { DELETED_FILES_SCRIPT, MEASURE_SCRIPT } from "./measure-script.ts";

export interface MemoryUse {
  readonly memoryBytes: number;
  /** With threads. */
  readonly processes: number;
  /** Their numbers, if asked for. */
  readonly members: readonly string[];
}

export interface Measurement {
  /** By first process. */
  readonly uses: ReadonlyMap<number, MemoryUse>;
  /** Of the machine. */
  readonly availableBytes: number;
  readonly totalBytes: number;
}

const UID_COUNT = 65_536;
const TIMEOUT_MS = 30_000;

/** MEASURE_SCRIPT as a process that is started with the first question and stays: asking takes milliseconds. */
export class ProcessMeter {
  readonly #idMap: IdMap;
  readonly #memoryBytesMax: number;
  #running: { child: ChildProcess; lines: AsyncIterator<string>; reader: Interface } | undefined;

  constructor(idMap: IdMap, memoryBytesMax: number) {
    this.#idMap = idMap;
    this.#memoryBytesMax = memoryBytesMax;
  }

  /** One question at a time. Throws when the process has ended; the next question starts another. */
  async measure(firstProcessIds: readonly number[], { withMembers = false } = {}): Promise<Measurement> {
    this.#running ??= this.#start();
    const { child, lines } = this.#running;
    child.stdin?.write(`${withMembers ? "members " : ""}${firstProcessIds.join(" ")}\n`);
    const uses = new Map<number, MemoryUse>();
    for (;;) {
      const next = await lines.next();
      if (next.done === true) return this.#ended(lines, uses);
      const [name = "", kib, count, ...members] = next.value.split(" ");
      if (name === "end") return { uses, availableBytes: Number(kib) * 1024, totalBytes: Number(count) * 1024 };
      uses.set(Number(name), { memoryBytes: Number(kib) * 1024, processes: Number(count), members });
    }
  }

  /** What a session's files need that it has deleted and not closed. */
  async deletedFilesBytes(firstProcessId: number): Promise<number> {
    const { uses } = await this.measure([firstProcessId], { withMembers: true });
    const input = (uses.get(firstProcessId)?.members ?? []).join(" ");
    const argv = ["perl", "-e", DELETED_FILES_SCRIPT, String(firstProcessId)] as const;
    const ended = await runCommand({ argv, input, timeoutMs: TIMEOUT_MS });
    // The session may have ended meanwhile.
    return ended.exitCode === 0 ? Number(ended.stdout.toString("utf8")) : 0;
  }

  stop(): void {
    this.#running?.child.stdin?.end();
    this.#running = undefined;
  }

  /** Stopped while it was asked, or gone by itself: then nothing is known this time. */
  #ended(lines: AsyncIterator<string>, uses: ReadonlyMap<number, MemoryUse>): Measurement {
    if (this.#running?.lines === lines) this.#running = undefined;
    return { uses, availableBytes: Number.POSITIVE_INFINITY, totalBytes: Number.POSITIVE_INFINITY };
  }

  #start() {
    const limitKib = Math.floor(this.#memoryBytesMax / 1024);
    const args = ["-e", MEASURE_SCRIPT, String(this.#idMap.uidStart), String(UID_COUNT), String(limitKib)];
    const child = spawn("perl", args, { env: minimalEnvironment(), stdio: ["pipe", "pipe", "ignore"], detached: true });
    child.on("error", () => {});
    child.stdin.on("error", () => {});
    const reader = createInterface({ input: child.stdout });
    return { child, reader, lines: reader[Symbol.asyncIterator]() };
  }
}
