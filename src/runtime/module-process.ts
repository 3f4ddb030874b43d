import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import { fileURLToPath } from "node:url";

export interface ModuleProcessOptions {
  /** Megabytes of its heap, for what never needs more. Without it, it collects garbage early. */
  readonly heapSizeMax?: number | undefined;
  readonly onMessage: (message: unknown) => void;
  /** Once, however it ended; "undefined" when it was asked to. */
  readonly onEnd: (how: string | undefined) => void;
}

/**
 * A module of ours in a process of its own, for what takes much memory: starting a program costs a process time for
 * all the memory it has (44 ms with 400 MB), and blocks it meanwhile. It dies with us, also by SIGKILL. Nothing waits
 * for it but while ref()ed.
 */
export class ModuleProcess {
  readonly #child: ChildProcess;
  #isClosing = false;

  /** What the module has to know goes to it by messages: others can read command lines. */
  constructor(module: URL, options: ModuleProcessOptions) {
    const { heapSizeMax } = options;
    const heapFlags = heapSizeMax === undefined ? HEAP_FLAGS : [`--max-old-space-size=${heapSizeMax}`];
    const node = [process.execPath, ...process.execArgv, ...heapFlags, fileURLToPath(module)];
    this.#child = spawn("setpriv", ["--pdeathsig=KILL", "env", ...MALLOC_SETTINGS, ...node], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      serialization: "advanced",
      // What a terminal sends is for us: we decide when it ends.
      detached: true,
    });
    this.#child.on("message", options.onMessage);
    this.#child.once("error", (error) => options.onEnd(error.message));
    this.#child.once("exit", (code, signal) => options.onEnd(this.#isClosing ? undefined : `status ${code ?? signal}`));
  }

  /** With a connection, which is its then, if need be. */
  send(message: unknown, socket?: Socket): void {
    // It may have ended a moment ago: onEnd tells.
    if (socket === undefined) this.#child.send(message as object, () => {});
    else this.#child.send(message as object, socket, () => {});
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  ref(): void {
    this.#child.ref();
    this.#child.channel?.ref();
  }

  unref(): void {
    this.#child.unref();
    this.#child.channel?.unref();
  }

  /** At once. Resolves when it is gone. */
  async close(): Promise<void> {
    this.#isClosing = true;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined) return;
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.ref();
    this.#child.kill("SIGKILL");
    await gone;
  }
}

/** The young generation would grow to 48 MB, and not shrink; and garbage would be left lying until the old one has doubled. */
const HEAP_FLAGS = ["--max-semi-space-size=4", "--heap-growing-percent=20"];

/** What is freed goes back to the system (mallopt(3)): compressing leaves holes of 50 MB otherwise. */
const MALLOC_SETTINGS = ["MALLOC_ARENA_MAX=2", "MALLOC_MMAP_THRESHOLD_=65536", "MALLOC_TRIM_THRESHOLD_=131072"];

/** In a module process: answer messages of the one that started it, and end with it. */
export function serveParent(onMessage: (message: unknown, socket: unknown) => void): { send(message: unknown): void } {
  process.once("disconnect", () => process.exit());
  // As from a service manager that means the whole group: our parent drains first.
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => {});
  process.on("message", onMessage);
  return { send: (message) => void process.send?.(message) };
}
