import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { AppError } from "./errors.ts";

/** Why a process ended. */
export type EndReason = "exited" | "signalled" | "timed-out" | "cancelled" | "output-limit" | "not-started";

export interface CommandOptions {
  /** Program and arguments; never a shell. */
  readonly argv: readonly [string, ...string[]];
  readonly cwd?: string | undefined;
  /** Added to the minimal environment (LC_ALL, PATH, HOME=/nonexistent); nothing is inherited. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /**
   * Written to standard input, which is then closed; without it standard input is /dev/null. A promise: the program is
   * started before its input is there, and sees end of file when there will be none.
   */
  readonly input?: string | Uint8Array | Promise<string | Uint8Array> | undefined;
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Captured output; over it the process is killed, unless `keepTail`. Default 16 MiB. */
  readonly outputBytesMax?: number | undefined;
  /** Keep the last outputBytesMax bytes instead of killing. */
  readonly keepTail?: boolean | undefined;
  /** Between SIGTERM and SIGKILL. Default 5 s. */
  readonly gracePeriodMs?: number | undefined;
  /** Append both outputs to this file instead of capturing them. */
  readonly logPath?: string | undefined;
  /** Called with each piece of standard output and error as it comes. */
  readonly onOutput?: ((chunk: Uint8Array, stream: "stdout" | "stderr") => void) | undefined;
}

export interface EndedCommand {
  readonly reason: EndReason;
  /** Set when reason is "exited". */
  readonly exitCode: number | undefined;
  readonly exitSignal: NodeJS.Signals | undefined;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

const GRACE_PERIOD_MS = 5_000;
const DRAIN_MS = 500;

/** The environment every program of ours starts with. */
export function minimalEnvironment(): Record<string, string> {
  return {
    LC_ALL: "C.UTF-8",
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    HOME: "/nonexistent",
  };
}

/**
 * Run a program to its end, in a process group of its own, and say why it ended. Never throws for the program's
 * sake: look at `reason`; `runChecked` throws. On timeout, cancel or output limit the whole group gets SIGTERM,
 * then SIGKILL.
 */
export async function runCommand(options: CommandOptions): Promise<EndedCommand> {
  if (options.signal?.aborted) return endedEarly("cancelled");

  const child = start(options);
  const watch = new ProcessWatch(child, options);
  return watch.ended();
}

/** Like runCommand, but anything except exit status 0 is thrown as an AppError (`unavailable`, COMMAND_FAILED). */
export async function runChecked(options: CommandOptions): Promise<EndedCommand> {
  const ended = await runCommand(options);
  if (ended.reason === "exited" && ended.exitCode === 0) return ended;

  throw commandError(options.argv, ended);
}

export function commandError(argv: readonly string[], ended: EndedCommand): AppError {
  const how = ended.reason === "exited" ? `ended with status ${ended.exitCode}` : `ended: ${ended.reason}`;
  const tail = lastLines(Buffer.concat([ended.stdout, ended.stderr]).toString("utf8"), 15);
  return new AppError({
    kind: "unavailable",
    code: "COMMAND_FAILED",
    message: `${argv[0]} ${how}`,
    facts: { argv, reason: ended.reason, exitCode: ended.exitCode, exitSignal: ended.exitSignal, tail },
    cause: tail === "" ? undefined : tail,
  });
}

function lastLines(text: string, count: number): string {
  return text.trimEnd().split("\n").slice(-count).join("\n");
}

function start(options: CommandOptions): ChildProcess {
  const [program, ...args] = options.argv;
  const stdin = options.input === undefined ? "ignore" : "pipe";
  const logDescriptor = options.logPath === undefined ? undefined : openSync(options.logPath, "a");
  const output = logDescriptor ?? "pipe";
  const stdio: StdioOptions = [stdin, output, output];

  try {
    return spawn(program, args, {
      cwd: options.cwd,
      env: { ...minimalEnvironment(), ...options.env },
      stdio,
      detached: true,
    });
  } finally {
    if (logDescriptor !== undefined) closeSync(logDescriptor);
  }
}

function endedEarly(reason: EndReason): EndedCommand {
  return { reason, exitCode: undefined, exitSignal: undefined, stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
}

/** Follows one child from start to end: time limit, cancel, captured output. */
class ProcessWatch {
  readonly #child: ChildProcess;
  readonly #options: CommandOptions;
  readonly #captured = { stdout: new CapturedOutput(), stderr: new CapturedOutput() };
  #stopReason: EndReason | undefined;
  #killTimer: NodeJS.Timeout | undefined;

  constructor(child: ChildProcess, options: CommandOptions) {
    this.#child = child;
    this.#options = options;
    this.#capture("stdout");
    this.#capture("stderr");
    this.#feed();
  }

  async ended(): Promise<EndedCommand> {
    const { timeoutMs, signal } = this.#options;
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => this.#stop("timed-out"), timeoutMs);
    const cancel = (): void => this.#stop("cancelled");
    signal?.addEventListener("abort", cancel, { once: true });

    try {
      return await this.#exit();
    } finally {
      clearTimeout(timer);
      clearTimeout(this.#killTimer);
      signal?.removeEventListener("abort", cancel);
      if (this.#stopReason !== undefined) killGroup(this.#child, "SIGKILL");
    }
  }

  #exit(): Promise<EndedCommand> {
    return new Promise((resolve) => {
      this.#child.once("error", (error) => {
        if (this.#child.pid !== undefined) return;
        this.#captured.stderr.add(Buffer.from(`${error.message}\n`), 1024, true);
        resolve(this.#result("not-started", null, null));
      });
      this.#child.once("exit", (code, exitSignal) => {
        const reason = this.#stopReason ?? (exitSignal === null ? "exited" : "signalled");
        const finish = (): void => resolve(this.#result(reason, code, exitSignal));
        // A grandchild may keep the pipes open: wait for them only so long.
        const drain = setTimeout(() => {
          this.#child.stdout?.destroy();
          this.#child.stderr?.destroy();
          finish();
        }, DRAIN_MS);
        this.#child.once("close", () => {
          clearTimeout(drain);
          finish();
        });
      });
    });
  }

  #result(reason: EndReason, code: number | null, exitSignal: NodeJS.Signals | null): EndedCommand {
    return {
      reason,
      exitCode: reason === "exited" ? (code ?? undefined) : undefined,
      exitSignal: exitSignal ?? undefined,
      stdout: this.#captured.stdout.bytes(),
      stderr: this.#captured.stderr.bytes(),
    };
  }

  #capture(name: "stdout" | "stderr"): void {
    const sizeMax = this.#options.outputBytesMax ?? 16 * 1024 ** 2;
    this.#child[name]?.on("data", (chunk: Buffer) => {
      this.#options.onOutput?.(chunk, name);
      const isOver = this.#captured[name].add(chunk, sizeMax, this.#options.keepTail ?? false);
      if (isOver) this.#stop("output-limit");
    });
  }

  #feed(): void {
    const { input } = this.#options;
    if (input === undefined) return;
    // The program may exit without reading its input: that shows in its exit status, not here.
    this.#child.stdin?.on("error", () => {});
    if (!(input instanceof Promise)) this.#child.stdin?.end(input);
    else
      input.then(
        (late) => this.#child.stdin?.end(late),
        () => this.#child.stdin?.end(),
      );
  }

  #stop(reason: EndReason): void {
    if (this.#stopReason !== undefined) return;
    this.#stopReason = reason;
    killGroup(this.#child, "SIGTERM");
    this.#killTimer = setTimeout(() => killGroup(this.#child, "SIGKILL"), this.#options.gracePeriodMs ?? GRACE_PERIOD_MS);
  }
}

class CapturedOutput {
  #chunks: Buffer[] = [];
  #sizeBytes = 0;

  /** Returns true when the limit is passed and the tail is not wanted. */
  add(chunk: Buffer, sizeBytesMax: number, keepTail: boolean): boolean {
    this.#chunks.push(chunk);
    this.#sizeBytes += chunk.length;
    if (this.#sizeBytes <= sizeBytesMax) return false;

    while (this.#chunks.length > 1 && this.#sizeBytes - this.#chunks[0]!.length >= sizeBytesMax) {
      this.#sizeBytes -= this.#chunks.shift()!.length;
    }
    return !keepTail;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}

/** Signal the whole process group of a child started by this module. A group that is gone is not an error. */
export function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // ESRCH: every member has ended already.
  }
}
