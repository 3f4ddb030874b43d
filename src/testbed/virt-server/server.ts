import type { Session } from "../session.ts";
import { formatCommand, ProtocolError, parseCopy, type VirtRequest } from "./protocol.ts";

/**
 * What a session can do for autopkgtest. No isolation-container: there is no init and so there are no services.
 * "sbuild" is the ordinary user of every base layer.
 */
const CAPABILITIES = ["revert", "revert-full-system", "root-on-testbed", "suggested-normal-user=sbuild"];

/** The same path after every revert: autopkgtest insists. */
const SCRATCH_PATH = "/tmp/autopkgtest.scratch";

/** The state of one server: closed (no session) or open. */
export class VirtServer {
  readonly #startSession: () => Promise<Session>;
  readonly #beforeClose: (session: Session) => Promise<void>;
  readonly #tell: (message: string) => void;
  #session: Session | undefined;

  /** `beforeClose`: when whoever uses the testbed closes it, not when it goes away. `tell`: one line for people. */
  constructor(parts: {
    startSession: () => Promise<Session>;
    beforeClose: (session: Session) => Promise<void>;
    tell: (message: string) => void;
  }) {
    this.#startSession = parts.startSession;
    this.#beforeClose = parts.beforeClose;
    this.#tell = parts.tell;
  }

  /** The whole answer line. ProtocolError or AppError: the caller closes and exits. */
  async answer(request: VirtRequest): Promise<string> {
    switch (request.command) {
      case "capabilities":
        return `ok ${CAPABILITIES.join(" ")}`;
      case "open":
        return this.#open();
      case "revert":
        this.#opened();
        await this.close();
        return this.#open();
      case "close":
        await this.#beforeClose(this.#opened());
        await this.close();
        return "ok";
      case "print-execute-command":
        return `ok ${formatCommand(this.#opened().enterArguments("own"))}`;
      case "copydown":
        return this.#copyDown(request.args);
      case "copyup":
        return this.#copyUp(request.args);
      case "auxverb_debug_fail":
        // autopkgtest asks for more about a failure; standard error has it.
        return "ok";
      case "shell":
        return "not supported by virt server";
      default:
        throw new ProtocolError(`unknown command "${request.command}"`);
    }
  }

  async close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.close();
  }

  async #open(): Promise<string> {
    if (this.#session !== undefined) throw new ProtocolError("open when already open");

    this.#session = await this.#startSession();
    await this.#session.runChecked({ argv: ["mkdir", "--mode=1777", SCRATCH_PATH] });
    return `ok ${SCRATCH_PATH}`;
  }

  #opened(): Session {
    if (this.#session === undefined) throw new ProtocolError("the testbed is not open");
    return this.#session;
  }

  async #copyDown(args: readonly string[]): Promise<string> {
    const { from, to } = parseCopy(args);
    return this.#copied(this.#opened().copyIn(from, to));
  }

  async #copyUp(args: readonly string[]): Promise<string> {
    const { from, to } = parseCopy(args);
    return this.#copied(this.#opened().copyOut(from, to, { links: "keep" }));
  }

  /** A failed copy is an answer, not the end of the server. */
  async #copied(copy: Promise<void>): Promise<string> {
    try {
      await copy;
      return "ok";
    } catch (error) {
      this.#tell(`copying failed: ${(error as Error).message}`);
      return "copy-failed";
    }
  }
}
