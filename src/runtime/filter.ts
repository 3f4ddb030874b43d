import { type ChildProcess, spawn } from "node:child_process";
import type { Writable } from "node:stream";
import { commandError, type EndedCommand, killGroup, minimalEnvironment } from "./subprocess.ts";

export interface FilterOptions {
  /** Program and arguments; never a shell. It reads standard input and writes standard output. */
  readonly argv: readonly [string, ...string[]];
  readonly input: AsyncIterable<Uint8Array>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * What a program makes of a stream, piece by piece, in bounded memory; feeding and reading go on side by side, so
 * neither pipe can fill up and block the other. Throws COMMAND_FAILED (`unavailable`) after the last piece when the
 * program did not end with status 0. Ending the loop early kills the program and its group.
 */
export async function* filterThrough({ argv, input, signal }: FilterOptions): AsyncGenerator<Buffer> {
  const [program, ...args] = argv;
  const child = spawn(program, args, { env: minimalEnvironment(), stdio: ["pipe", "pipe", "pipe"], detached: true });
  const ended = waitForEnd(child);
  const stop = (): void => killGroup(child, "SIGKILL");
  signal?.addEventListener("abort", stop, { once: true });
  if (signal?.aborted) stop();

  const feeding = feed(input, child.stdin);
  // It may fail long before we look; without a handler that would end our process.
  feeding.catch(() => {});

  try {
    // A program that could not be started has no output; that too is in `ended`.
    for await (const chunk of child.stdout.on("error", () => {})) yield chunk as Buffer;
    const end = await ended;
    await feeding;
    if (end.reason !== "exited" || end.exitCode !== 0) throw commandError(argv, end);
  } finally {
    signal?.removeEventListener("abort", stop);
    if (child.exitCode === null && child.signalCode === null) stop();
    await ended;
    // Thrown above already, unless the reader left early: then nobody wants to know.
    await feeding.catch(() => {});
  }
}

/**
 * Throws only what the input throws. A program that ends without reading everything is no error here: its status
 * tells. Not stream.pipeline: it throws the broken pipe's error into the input.
 */
async function feed(input: AsyncIterable<Uint8Array>, stdin: Writable): Promise<void> {
  stdin.on("error", () => {});
  try {
    for await (const chunk of input) {
      if (stdin.destroyed) return;
      if (!stdin.write(chunk)) await drained(stdin);
    }
  } finally {
    stdin.end();
  }
}

function drained(stdin: Writable): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      stdin.off("drain", finish);
      stdin.off("close", finish);
      resolve();
    };
    stdin.on("drain", finish);
    stdin.on("close", finish);
    if (stdin.destroyed) finish();
  });
}

const STDERR_BYTES_MAX = 16 * 1024;

function waitForEnd(child: ChildProcess): Promise<EndedCommand> {
  const stderr: Buffer[] = [];
  let stderrBytes = 0;
  child.stderr?.on("data", (chunk: Buffer) => {
    if (stderrBytes < STDERR_BYTES_MAX) stderr.push(chunk);
    stderrBytes += chunk.length;
  });

  return new Promise((resolve) => {
    const result = { stdout: Buffer.alloc(0), exitCode: undefined, exitSignal: undefined };
    child.once("error", (error) => {
      if (child.pid === undefined) resolve({ ...result, reason: "not-started", stderr: Buffer.from(error.message) });
    });
    child.once("exit", (code, exitSignal) => {
      const reason = exitSignal === null ? "exited" : "signalled";
      resolve({
        ...result,
        reason,
        exitCode: code ?? undefined,
        exitSignal: exitSignal ?? undefined,
        stderr: Buffer.concat(stderr),
      });
    });
  });
}
