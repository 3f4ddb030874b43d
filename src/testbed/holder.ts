import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { AppError, minimalEnvironment, monotonicMs } from "../runtime/index.ts";
import { type IdMap, unshareArguments } from "./id-map.ts";
import { NEST_SCRIPT } from "./nest-script.ts";
import { HOLDER_SCRIPT, INIT_SCRIPT, LAYERS_SCRIPT } from "./session-scripts.ts";

/** A process in the kernel's hands may take its time; it does no harm any more. */
const KILL_PATIENCE_MS = 10_000;
const KILL_POLL_MS = 5;

export interface HolderOptions {
  readonly idMap: IdMap;
  /** HOME/testbeds/store: working directory of everything that touches trees. */
  readonly storeDirectory: string;
  /** The session's directory below the store. */
  readonly sessionName: string;
  /** Nearest first. */
  readonly layers: readonly string[];
  readonly network: "none" | "host";
  readonly binds: readonly Bind[];
  /** FIFO that the daemon holds open for writing. */
  readonly lifelinePath: string;
  readonly startTimeoutMs: number;
  /** Processes and threads at once. */
  readonly processesMax: number;
  /** Directory of the session's control group, when it has one. */
  readonly controlGroup: string | undefined;
}

/** `source` is absolute or below the store; `target` is absolute inside and must exist in a layer. */
export interface Bind {
  readonly source: string;
  readonly target: string;
  readonly access: "ro" | "rw";
}

/** In the command line of a holder and of what it starts, so that a sweep finds them. */
export function sessionMarker(storeDirectory: string, sessionName: string): string {
  return `mini-buildd-session=${storeDirectory}/${sessionName}`;
}

/** A running session, seen from outside: the process that holds it, and the way to end it. */
export class Holder {
  /** The first process of the session, as the host numbers it. */
  readonly firstProcessId: number;
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;

  constructor(child: ChildProcess, firstProcessId: number) {
    this.#child = child;
    this.firstProcessId = firstProcessId;
    this.ended = new Promise((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) return resolve();
      child.once("exit", () => resolve());
    });
  }

  /** Kill everything inside at once, from outside; whoever owns the session still ends it. */
  kill(): void {
    // Its number is not another process's as long as the holder has not seen it end.
    if (this.#child.exitCode === null && this.#child.signalCode === null) killFirst(this.firstProcessId);
  }

  /**
   * Kill everything inside, and wait until it is gone: the kernel ends the first process last. What was written is still
   * being removed then.
   */
  async killed(): Promise<void> {
    this.kill();
    const deadlineMs = monotonicMs() + KILL_PATIENCE_MS;
    while (isAlive(this.firstProcessId) && monotonicMs() < deadlineMs) {
      await Promise.race([this.ended, delay(KILL_POLL_MS)]);
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    }
  }

  /** Whatever ends the session, its directory stays, from now on or not. The last word counts. */
  tell(fate: "keep" | "drop"): void {
    this.#child.stdin?.write(`${fate}\n`);
  }

  /** Kill everything inside; removes the session's directory unless it is to be kept. May be called twice. */
  async end(options: { keepDirectory: boolean }): Promise<void> {
    this.#child.stdin?.end(options.keepDirectory ? "keep\n" : undefined);
    await this.ended;
  }

  /** After end: our process need not stay for it. */
  letGo(): void {
    this.#child.stdin?.destroy();
    this.#child.unref();
  }
}

/**
 * Start a session and wait until it can be entered. Not through runCommand: the child lives as long as the session
 * and ends by end of file on its standard input.
 */
export async function startHolder(options: HolderOptions): Promise<Holder> {
  const [program, ...args] = holderArguments(options);
  const child = spawn(program, args, {
    cwd: options.storeDirectory,
    env: { ...minimalEnvironment(), LIBMOUNT_FORCE_MOUNT2: "always" },
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
  });
  // The holder may be gone when we end it: that is what was wanted.
  child.stdin.on("error", () => {});

  const firstProcessId = await readiness(child, options);
  child.stdout.destroy();
  child.stderr.destroy();
  return new Holder(child, firstProcessId);
}

/** As clone(2) has them: user, mount, pid, ipc, uts. */
const NAMESPACES = 0x10000000 | 0x00020000 | 0x20000000 | 0x08000000 | 0x04000000;
const NETWORK_NAMESPACE = 0x40000000;

/**
 * How to run a program inside: fresh root's ids, every namespace, working directory "/". See ENTER_SCRIPT. No comma and
 * nothing to escape in it: autopkgtest decodes these words twice.
 */
export function enterArguments(options: {
  readonly enterScriptPath: string;
  readonly firstProcessId: number;
  readonly network: "none" | "host";
  readonly login: "own" | "same";
  readonly controlGroup: string | undefined;
  /** For a testbed of 32 bits on a machine of 64: `uname -m` inside must tell what builds are for. */
  readonly is32Bit: boolean;
}): [string, ...string[]] {
  const namespaces = NAMESPACES | (options.network === "none" ? NETWORK_NAMESPACE : 0);
  const target = `--target=${options.firstProcessId}`;
  const group = `--group=${options.controlGroup ?? ""}`;
  const enter = ["perl", options.enterScriptPath, target, `--namespaces=${namespaces}`, group, options.login, "--"] as const;
  return options.is32Bit ? ["setarch", "linux32", ...enter] : [...enter];
}

function holderArguments(options: HolderOptions): [string, ...string[]] {
  const { idMap, sessionName, storeDirectory } = options;
  const namespaces = NAMESPACES | (options.network === "none" ? NETWORK_NAMESPACE : 0);
  const marker = sessionMarker(storeDirectory, sessionName);
  const binds = options.binds.flatMap((bind) => [bind.source, bind.target, bind.access]);
  const putTogether = ["sh", "-c", LAYERS_SCRIPT, marker, sessionName, options.layers.join(":"), ...binds];
  return [
    "perl",
    "-e",
    HOLDER_SCRIPT,
    marker,
    options.lifelinePath,
    sessionName,
    options.controlGroup ?? "",
    ...unshareArguments(idMap),
    "rm",
    "-rf",
    "--",
    // Should the holder itself be killed, its child and then the first process die with it.
    "setpriv",
    "--pdeathsig=KILL",
    ...unshareArguments(idMap),
    "perl",
    "-e",
    NEST_SCRIPT,
    String(namespaces),
    String(options.processesMax),
    String(putTogether.length),
    ...putTogether,
    "sh",
    "-c",
    INIT_SCRIPT,
    marker,
    options.network,
  ];
}

/** Until its holder has seen its end, it is a number that nobody else gets. */
function isAlive(id: number): boolean {
  try {
    process.kill(id, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

function killFirst(id: number): void {
  try {
    process.kill(id, "SIGKILL");
  } catch {
    // It has just ended.
  }
}

function readiness(child: ChildProcess, options: HolderOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    let output = "";
    let errors = "";
    const timer = setTimeout(() => child.kill("SIGKILL"), options.startTimeoutMs);
    child.stderr?.on("data", (chunk: Buffer) => {
      errors = (errors + chunk.toString("utf8")).slice(-4_000);
    });
    child.stdout?.on("data", (chunk: Buffer) => {
      output += chunk.toString("utf8");
      const match = /^ready (\d+)\n/.exec(output);
      if (match === null) return;
      clearTimeout(timer);
      resolve(Number(match[1]));
    });
    child.once("error", (error) => reject(startError(options, error.message)));
    child.once("close", () => {
      clearTimeout(timer);
      reject(startError(options, errors));
    });
  });
}

function startError(options: HolderOptions, errors: string): AppError {
  return new AppError({
    kind: "unavailable",
    code: "TESTBED_SESSION_FAILED",
    message: "a testbed session could not be started",
    hint: "Run mini-buildd doctor: it checks user namespaces, subordinate ids and overlays",
    facts: { layers: options.layers, network: options.network },
    cause: errors.trim() === "" ? undefined : errors.trim(),
  });
}
