import { access, chmod, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { AppError, commandError, type EndedCommand, runChecked, runCommand } from "../runtime/index.ts";

const COMMAND_TIMEOUT_MS = 60_000;
const AGENT_START_TIMEOUT_MS = 10_000;
/** sun_path holds 108 bytes; gpg-agent's longest socket name must fit behind the directory. */
const HOME_PATH_BYTES_MAX = 108 - "/S.gpg-agent.browser".length - 1;

/**
 * A GnuPG home of our own, with an agent that cannot outlive us: gpg-agent ends when the command it was started
 * with ends, and that command dies with our process (PDEATHSIG), also on SIGKILL. gpg is never allowed to start
 * an agent of its own.
 */
export class GnupgHome {
  /** What GnuPG is given: the real directory, or a short symbolic link to it when its path is too long for a socket. */
  readonly #path: string;
  readonly #linkDirectory: string | undefined;
  #agent: RunningAgent | undefined;

  private constructor(path: string, linkDirectory: string | undefined) {
    this.#path = path;
    this.#linkDirectory = linkDirectory;
  }

  /** Makes the directory when it is not there. Call close() in the end. */
  static async open(directory: string): Promise<GnupgHome> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await chmod(directory, 0o700);
    if (Buffer.byteLength(directory) <= HOME_PATH_BYTES_MAX) return new GnupgHome(directory, undefined);

    const linkDirectory = await mkdtemp(join(tmpdir(), "mbd-gpg-"));
    const linkPath = join(linkDirectory, "h");
    await symlink(directory, linkPath);
    return new GnupgHome(linkPath, linkDirectory);
  }

  /** Run gpg to success. An agent that died is started again, once. Throws SIGNING_FAILED. */
  async gpg(args: readonly string[], input?: string | Uint8Array): Promise<Buffer> {
    let ended = await this.#runGpg(args, input);
    if (ended.exitCode !== 0 && /agent/.test(ended.stderr.toString("utf8"))) {
      await this.#stopAgent();
      ended = await this.#runGpg(args, input);
    }
    if (ended.reason === "exited" && ended.exitCode === 0) return ended.stdout;

    throw new AppError({
      kind: "unavailable",
      code: "SIGNING_FAILED",
      message: "gpg could not do its part with the key of this instance",
      hint: "Look at the cause in the log; the keys are in keys/gnupg of the home directory",
      cause: commandError(["gpg", ...args], ended),
    });
  }

  async close(): Promise<void> {
    await this.#stopAgent();
    if (this.#linkDirectory !== undefined) await rm(this.#linkDirectory, { recursive: true, force: true });
  }

  async #runGpg(args: readonly string[], input: string | Uint8Array | undefined): Promise<EndedCommand> {
    this.#agent ??= startAgent(this.#path);
    await this.#agent.ready;
    const fixed = ["--batch", "--no-tty", "--no-options", "--no-autostart", "--trust-model=always", "--no-auto-check-trustdb"];
    return runCommand({
      argv: ["gpg", `--homedir=${this.#path}`, ...fixed, "--pinentry-mode=loopback", "--passphrase=", "--quiet", ...args],
      input,
      timeoutMs: COMMAND_TIMEOUT_MS,
    });
  }

  async #stopAgent(): Promise<void> {
    const agent = this.#agent;
    this.#agent = undefined;
    if (agent === undefined) return;

    await runCommand({ argv: ["gpgconf", `--homedir=${this.#path}`, "--kill", "gpg-agent"], timeoutMs: COMMAND_TIMEOUT_MS });
    agent.abort.abort();
    await agent.ended;
  }
}

interface RunningAgent {
  readonly ready: Promise<void>;
  readonly ended: Promise<EndedCommand>;
  readonly abort: AbortController;
}

function startAgent(homePath: string): RunningAgent {
  const abort = new AbortController();
  const socket = prepareAgentSocket(homePath);
  const ended = socket.then(() =>
    runCommand({
      argv: ["setpriv", "--pdeathsig=KILL", "gpg-agent", `--homedir=${homePath}`, "--daemon", "--", "sleep", "infinity"],
      signal: abort.signal,
      keepTail: true,
      gracePeriodMs: 1000,
    }),
  );
  const ready = socket.then((socketPath) => waitForSocket(socketPath, ended));
  return { ready, ended, abort };
}

/** Removes what a killed predecessor left: its socket would look like a ready agent. */
async function prepareAgentSocket(homePath: string): Promise<string> {
  const listed = await runChecked({
    argv: ["gpgconf", `--homedir=${homePath}`, "--list-dirs", "agent-socket"],
    timeoutMs: COMMAND_TIMEOUT_MS,
  });
  const socketPath = decodeURIComponent(listed.stdout.toString("utf8").trim());
  await runCommand({ argv: ["gpgconf", `--homedir=${homePath}`, "--kill", "gpg-agent"], timeoutMs: COMMAND_TIMEOUT_MS });
  await rm(socketPath, { force: true });
  return socketPath;
}

async function waitForSocket(socketPath: string, ended: Promise<EndedCommand>): Promise<void> {
  let endedEarly: EndedCommand | undefined;
  void ended.then((result) => (endedEarly = result));
  for (let waitedMs = 0; waitedMs < AGENT_START_TIMEOUT_MS; waitedMs += 5) {
    if (await exists(socketPath)) return;
    if (endedEarly !== undefined) throw agentFailed(endedEarly);
    await delay(5);
  }
  throw agentFailed(undefined);
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}

function agentFailed(ended: EndedCommand | undefined): AppError {
  return new AppError({
    kind: "unavailable",
    code: "SIGNING_FAILED",
    message: "gpg-agent did not start",
    hint: "Install gpg-agent; mini-buildd doctor shows what is missing",
    cause: ended === undefined ? undefined : commandError(["gpg-agent"], ended),
  });
}
