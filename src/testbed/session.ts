import { spawn } from "node:child_process";
import { createReadStream, createWriteStream } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import type { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import { constants, createZstdCompress } from "node:zlib";
import { AppError, assert, commandError, type EndedCommand, minimalEnvironment, runCommand } from "../runtime/index.ts";
import { extractTree } from "./extract-tree.ts";
import { enterArguments, type Holder } from "./holder.ts";
import type { SessionCommand } from "./types.ts";

const END_PATIENCE_MS = 30_000;
const COPY_TIMEOUT_MS = 10 * 60 * 1000;
/** zstd's own default: as fast as tar reads. */
const PACK_LEVEL = 3;

export interface CopyOutOptions {
  /** Default 64 GiB. */
  readonly sizeBytesMax?: number | undefined;
  /** "keep": symbolic links are made, last; whoever reads the copy must not follow them. Default "skip". */
  readonly links?: "skip" | "keep" | undefined;
}

export interface PackSource {
  readonly parentPath: string;
  readonly names: readonly string[];
}

export interface SessionParts {
  readonly id: string;
  readonly holder: Holder;
  readonly network: "none" | "host";
  readonly controlGroup: string | undefined;
  readonly enterScriptPath: string;
  readonly is32Bit: boolean;
  /** What it wrote stays where it is when it ends, however it ends: somebody takes it, or removes it. */
  readonly isHeld: boolean;
  readonly onClosed: () => Promise<void>;
}

/** One use of a stack of layers. Made by `Testbeds.startSession`; ends with `close`, or with the process that started it. */
export class Session {
  readonly id: string;
  readonly #holder: Holder;
  readonly #parts: SessionParts;
  readonly #ended = new AbortController();
  readonly #onClosed: () => Promise<void>;
  #closing: Promise<void> | undefined;
  #isKept: boolean;

  constructor(options: SessionParts) {
    this.id = options.id;
    this.#holder = options.holder;
    this.#parts = options;
    this.#onClosed = options.onClosed;
    this.#isKept = options.isHeld;
    if (options.isHeld) this.#holder.tell("keep");
    void this.#holder.ended.then(() => this.#ended.abort());
  }

  /** Aborted when the session has ended, for whatever reason. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** The first process, as the host numbers it. */
  get firstProcessId(): number {
    return this.#holder.firstProcessId;
  }

  /** From outside, at once: it is then as if all of its processes had been killed. Still to be closed. */
  kill(): void {
    this.#holder.kill();
  }

  /** Like kill; returns when none of its processes is left. */
  killed(): Promise<void> {
    return this.#holder.killed();
  }

  /**
   * What to put before a program and its arguments to run it inside as root, from a process of the daemon's user.
   * `login`: in its own login session, or in the same as who runs it.
   */
  enterArguments(login: "own" | "same"): [string, ...string[]] {
    const { holder, ...parts } = this.#parts;
    return enterArguments({ ...parts, firstProcessId: holder.firstProcessId, login });
  }

  /** Run a program inside to its end; never throws for the program's sake (see runtime's runCommand). */
  async run(command: SessionCommand): Promise<EndedCommand> {
    // The kernel may have given its first process's number to another one.
    if (this.#ended.signal.aborted) return notStarted(`session ${this.id} has ended`);

    const { user, cwd, argv, env, ...rest } = command;
    const asUser =
      user === undefined || user === "root" ? [] : ["setpriv", `--reuid=${user}`, `--regid=${user}`, "--init-groups", "--"];
    return runCommand({
      ...rest,
      argv: [...this.enterArguments("same"), "env", `--chdir=${cwd ?? "/"}`, ...asUser, ...argv],
      env: { HOME: user === undefined || user === "root" ? "/root" : "/sbuild-nonexistent", ...env },
    });
  }

  /** Like run; anything but exit status 0 is an AppError (unavailable, COMMAND_FAILED). */
  async runChecked(command: SessionCommand): Promise<EndedCommand> {
    const ended = await this.run(command);
    if (ended.reason === "exited" && ended.exitCode === 0) return ended;

    throw commandError(command.argv, ended);
  }

  /**
   * Copy a file, or what is in a directory, of the host to a path inside, owned by root there. Links are copied as
   * links. Missing directories on the way are made.
   */
  async copyIn(hostPath: string, insidePath: string): Promise<void> {
    const source = await stat(hostPath);
    if (source.isDirectory()) return this.#copyDirectoryIn(hostPath, insidePath);

    await this.runChecked({ argv: ["mkdir", "-p", "--", dirname(insidePath)] });
    const script = source.mode & 0o111 ? 'cat > "$1" && chmod +x -- "$1"' : 'cat > "$1"';
    const child = this.#spawnInside(["sh", "-c", script, "sh", insidePath]);
    await Promise.all([feed(createReadStream(hostPath), child.stdin), success(child, "copying in")]);
  }

  /**
   * Copy a file or what is in a directory out of the session. What comes is hostile: nothing is ever written outside
   * `hostPath`; links, devices and names with surprises are left out, and so is everything beyond `sizeBytesMax`
   * (AppError invalid TESTBED_OUTPUT_TOO_LARGE).
   */
  async copyOut(insidePath: string, hostPath: string, options: CopyOutOptions = {}): Promise<void> {
    const sizeBytesMax = options.sizeBytesMax ?? 64 * 1024 ** 3;
    const isDirectory = await this.run({ argv: ["test", "-d", insidePath] });
    if (isDirectory.exitCode === 0) {
      const child = this.#spawnInside([
        "tar",
        "--create",
        "--file=-",
        "--format=pax",
        "--hard-dereference",
        "--directory",
        insidePath,
        ".",
      ]);
      child.stdin.end();
      await Promise.all([
        extractTree(child.stdout, hostPath, { links: options.links ?? "skip", sizeBytesMax }),
        success(child, "copying out"),
      ]);
      return;
    }

    const child = this.#spawnInside(["cat", "--", insidePath]);
    child.stdin.end();
    const bounded = boundedCopy(sizeBytesMax, insidePath);
    await Promise.all([
      pipeline(child.stdout, bounded, createWriteStream(hostPath, { flags: "wx" })),
      success(child, "copying out"),
    ]);
  }

  /**
   * Kill every process, unmount, remove what was written unless it is held; waits for that half a minute at most. May be
   * called twice.
   */
  close(): Promise<void> {
    this.#closing ??= this.#endInTime({ keepDirectory: this.#isKept });
    return this.#closing;
  }

  /** It is held no more: what it wrote goes with it, unless it has ended already. */
  drop(): void {
    this.#isKept = false;
    if (!this.#ended.signal.aborted) this.#holder.tell("drop");
  }

  /** Like close, but what was written stays in the session's directory, for `LayerStore.commit`. */
  closeKeepingChanges(): Promise<void> {
    assert(this.#closing === undefined, "a closed session cannot keep its changes");
    this.#closing = this.#end({ keepDirectory: true });
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #end(options: { keepDirectory: boolean }): Promise<void> {
    await this.#holder.end(options);
    await this.#onClosed();
  }

  async #endInTime(options: { keepDirectory: boolean }): Promise<void> {
    const over = this.#end(options);
    // All processes are killed by now, and the holder goes on alone. A build, or a daemon that stops, must not wait for ever
    // for one that the kernel cannot end, nor for a machine's first process that does not reap.
    await Promise.race([over, delay(END_PATIENCE_MS, undefined, { ref: false })]);
    over.catch(() => {});
    this.#holder.letGo();
  }

  /**
   * Directories below `parentPath` as a tar of the host, compressed with zstd. Neither that nor what is in it may have more
   * than so many bytes: AppError invalid TESTBED_OUTPUT_TOO_LARGE, and nothing is written then.
   */
  async packOut(source: PackSource, hostPath: string, sizes: { packedBytesMax: number; bytesMax: number }): Promise<void> {
    const { parentPath, names } = source;
    const child = this.#spawnInside(["tar", "--create", "--file=-", "--format=pax", `--directory=${parentPath}`, "--", ...names]);
    child.stdin.end();
    const what = `the tree of ${names.join(", ")}`;
    try {
      await Promise.all([
        pipeline(
          child.stdout,
          boundedCopy(sizes.bytesMax, what),
          createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: PACK_LEVEL } }),
          boundedCopy(sizes.packedBytesMax, what),
          createWriteStream(hostPath, { flags: "wx" }),
        ),
        success(child, "packing"),
      ]);
    } catch (error) {
      await rm(hostPath, { force: true });
      throw error;
    }
  }

  async #copyDirectoryIn(hostPath: string, insidePath: string): Promise<void> {
    const pack = spawn("tar", ["--create", "--file=-", "--directory", resolve(hostPath), "."], {
      env: minimalEnvironment(),
      stdio: ["ignore", "pipe", "inherit"],
    });
    const script = 'mkdir -p -- "$1" && exec tar --extract --file=- --no-same-owner --directory "$1"';
    const unpack = this.#spawnInside(["sh", "-c", script, "sh", insidePath]);
    await Promise.all([feed(pack.stdout, unpack.stdin), success(pack, "copying in"), success(unpack, "copying in")]);
  }

  /** For streams that are too large to keep in memory; ends with the session at the latest. */
  #spawnInside(argv: readonly string[]) {
    const [program, ...args] = [...this.enterArguments("same"), ...argv] as [string, ...string[]];
    return spawn(program, args, {
      env: { ...minimalEnvironment(), HOME: "/root" },
      stdio: ["pipe", "pipe", "ignore"],
      detached: true,
      timeout: COPY_TIMEOUT_MS,
      killSignal: "SIGKILL",
    });
  }
}

async function* passBounded(chunks: AsyncIterable<Buffer>, sizeBytesMax: number, name: string): AsyncGenerator<Buffer> {
  let sizeBytes = 0;
  for await (const chunk of chunks) {
    sizeBytes += chunk.length;
    if (sizeBytes > sizeBytesMax) throw outputTooLarge(name, sizeBytesMax);
    yield chunk;
  }
}

function boundedCopy(sizeBytesMax: number, name: string) {
  return (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> => passBounded(chunks, sizeBytesMax, basename(name));
}

function notStarted(reason: string): EndedCommand {
  const stderr = Buffer.from(`${reason}\n`);
  return { reason: "not-started", exitCode: undefined, exitSignal: undefined, stdout: Buffer.alloc(0), stderr };
}

export function outputTooLarge(name: string, sizeBytesMax: number): AppError {
  return new AppError({
    kind: "invalid",
    code: "TESTBED_OUTPUT_TOO_LARGE",
    message: `${name} in the testbed is larger than ${sizeBytesMax} bytes`,
    hint: "Make the output smaller, or raise the limit",
  });
}

/** Node destroys a child's standard input when the child exits, perhaps before it noticed that all was written. */
async function feed(from: Readable, to: Writable): Promise<void> {
  await pipeline(from, to).catch((error: NodeJS.ErrnoException) => {
    // Whether the child had what it needed shows in its exit status.
    if (error.code !== "ERR_STREAM_PREMATURE_CLOSE" && error.code !== "EPIPE") throw error;
  });
}

function success(child: ReturnType<typeof spawn>, what: string): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once("error", (error) => reject(copyError(what, error.message)));
    child.once("close", (code) => (code === 0 ? resolve() : reject(copyError(what, `status ${code}`))));
  });
}

function copyError(what: string, cause: string): AppError {
  return new AppError({
    kind: "unavailable",
    code: "TESTBED_COPY_FAILED",
    message: `${what} between host and testbed failed`,
    hint: "Look whether the disk is full, and try again",
    cause,
  });
}
