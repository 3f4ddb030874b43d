import { chmod, mkdir, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { AppError, commandError, type EndedCommand, runChecked, runCommand } from "../runtime/index.ts";

const COMMAND_TIMEOUT_MS = 60_000;
const AGENT_START_TIMEOUT_MS = 10_000;
/** sun_path holds 108 bytes, and gpg-agent uses 106 of them at most; its longest socket name must fit behind the directory. */
const HOME_PATH_BYTES_MAX = 106 - "/S.gpg-agent.browser".length;

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
    const agent = (this.#agent ??= startAgent(this.#path));
    let ended = await this.#runGpg(agent, args, input);
    if (ended.exitCode !== 0 && /agent/.test(ended.stderr.toString("utf8"))) {
      ended = await this.#runGpg(this.#replaceAgent(agent), args, input);
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

  async #runGpg(agent: RunningAgent, args: readonly string[], input: string | Uint8Array | undefined): Promise<EndedCommand> {
    await agent.ready;
    const fixed = ["--batch", "--no-tty", "--no-options", "--no-autostart", "--trust-model=always", "--no-auto-check-trustdb"];
    return runCommand({
      argv: ["gpg", `--homedir=${this.#path}`, ...fixed, "--pinentry-mode=loopback", "--passphrase=", "--quiet", ...args],
      input,
      timeoutMs: COMMAND_TIMEOUT_MS,
    });
  }

  /** Once for all who found it dead. */
  #replaceAgent(dead: RunningAgent): RunningAgent {
    if (this.#agent === dead) {
      dead.abort.abort();
      this.#agent = startAgent(this.#path);
    }
    return (this.#agent ??= startAgent(this.#path));
  }

  async #stopAgent(): Promise<void> {
    const agent = this.#agent;
    this.#agent = undefined;
    if (agent === undefined) return;

    await endAgent(this.#path);
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

/** Where the agent will listen, with nothing left of a predecessor that was killed. */
async function prepareAgentSocket(homePath: string): Promise<string> {
  await endAgent(homePath);
  const listed = await runChecked({
    argv: ["gpgconf", `--homedir=${homePath}`, "--list-dirs", "agent-socket"],
    timeoutMs: COMMAND_TIMEOUT_MS,
  });
  const socketPath = decodeURIComponent(listed.stdout.toString("utf8").trim());
  await rm(socketPath, { force: true });
  return socketPath;
}

/**
 * End the agent of a home, if there is one, and wait for its end. By SIGKILL: an agent that ends by itself removes the
 * socket by name, which may be its successor's by then.
 */
async function endAgent(homePath: string): Promise<void> {
  const answer = await runCommand({
    argv: ["gpg-connect-agent", `--homedir=${homePath}`, "--no-autostart", "GETINFO pid", "/bye"],
    timeoutMs: COMMAND_TIMEOUT_MS,
  });
  const pid = Number(/^D (\d+)$/m.exec(answer.stdout.toString("utf8"))?.[1]);
  if (!Number.isSafeInteger(pid)) return;

  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // ESRCH: it ended meanwhile.
  }
  for (let waitedMs = 0; waitedMs < AGENT_START_TIMEOUT_MS && (await isRunning(pid)); waitedMs += 5) await delay(5);
}

/** A zombie does nothing more. */
async function isRunning(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => "");
  return stat !== "" && !/\) [ZX] /.test(stat);
}

async function waitForSocket(socketPath: string, ended: Promise<EndedCommand>): Promise<void> {
  let endedEarly: EndedCommand | undefined;
  void ended.then((result) => (endedEarly = result));
  for (let waitedMs = 0; waitedMs < AGENT_START_TIMEOUT_MS; waitedMs += 5) {
    if (await isListening(socketPath)) return;
    if (endedEarly !== undefined) throw agentFailed(endedEarly);
    await delay(5);
  }
  throw agentFailed(undefined);
}

/** The socket is there before anybody listens: gpg would find no agent, and say that there are no secret keys. */
async function isListening(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socketPath);
    connection.once("connect", () => {
      connection.destroy();
      resolve(true);
    });
    connection.once("error", () => resolve(false));
  });
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
