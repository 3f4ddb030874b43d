import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { AppError } from "./errors.ts";
import { minimalEnvironment } from "./subprocess.ts";

/** Answers each line with one, when what was written before it is durable. */
const SCRIPT = 'while read -r _; do sync --file-system "$0" || exit 1; echo; done';

/**
 * syncFileSystem again and again: starting a program costs a process time for all the memory it has, and this starts one
 * small one, which starts the others. To be closed.
 */
export class FileSystemSyncer {
  readonly #path: string;
  readonly #shell: ChildProcessByStdio<Writable, Readable, null>;
  /** In the order of their lines. */
  readonly #waiting: PromiseWithResolvers<void>[] = [];
  #hasEnded = false;

  constructor(path: string) {
    this.#path = path;
    this.#shell = spawn("sh", ["-c", SCRIPT, path], { env: minimalEnvironment(), stdio: ["pipe", "pipe", "ignore"] });
    this.#shell.stdin.on("error", () => {
      // Its end tells.
    });
    createInterface({ input: this.#shell.stdout }).on("line", () => this.#waiting.shift()?.resolve());
    this.#shell.once("error", () => this.#end());
    this.#shell.once("close", () => this.#end());
  }

  /** Resolves when everything is durable that was written before. Throws `unavailable` COMMAND_FAILED. */
  async sync(): Promise<void> {
    if (this.#hasEnded) throw this.#failure();
    const answer = Promise.withResolvers<void>();
    this.#waiting.push(answer);
    this.#shell.stdin.write("\n");
    await answer.promise;
  }

  close(): void {
    this.#shell.stdin.end();
  }

  #end(): void {
    this.#hasEnded = true;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure());
  }

  #failure(): AppError {
    return new AppError({
      kind: "unavailable",
      code: "COMMAND_FAILED",
      message: `the file system of ${this.#path} could not be synchronized (sync --file-system)`,
      hint: "Look at the disk: the kernel's log says more",
      facts: { path: this.#path },
    });
  }
}
