import { once } from "node:events";
import { chmod } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { errorChain } from "../../runtime/index.ts";
import type { Session } from "../session.ts";
import type { VirtServerRequest } from "../types.ts";
import { parseRequest } from "./protocol.ts";
import { parseVirtServerRequest } from "./request.ts";
import { VirtServer } from "./server.ts";

const EXIT_FAILURE = 16;

/** Where the conversations' sessions come from, and what is done with them before they are closed. */
export interface SessionSource {
  readonly start: (request: VirtServerRequest) => Promise<Session>;
  readonly beforeClose: (request: VirtServerRequest, session: Session) => Promise<void>;
}

/**
 * Autopkgtest virtualisation servers, one for each connection (see RELAY_SCRIPT, which connects). Speaks
 * README.virtualisation-server. A session ends with its connection, and with us.
 */
export class VirtServerListener {
  readonly #server: Server;
  readonly #conversations = new Map<Socket, Promise<void>>();

  private constructor(sessions: SessionSource) {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      const conversation = converse(socket, sessions).finally(() => this.#conversations.delete(socket));
      this.#conversations.set(socket, conversation);
    });
  }

  static async listen(path: string, sessions: SessionSource): Promise<VirtServerListener> {
    const listener = new VirtServerListener(sessions);
    listener.#server.listen(path);
    await once(listener.#server, "listening");
    // Its directory lets nobody else in either.
    await chmod(path, 0o600);
    return listener;
  }

  /** Ends every session of it. */
  async close(): Promise<void> {
    this.#server.close();
    for (const socket of this.#conversations.keys()) socket.destroy();
    await Promise.all(this.#conversations.values());
  }
}

async function converse(socket: Socket, sessions: SessionSource): Promise<void> {
  // Whoever is gone needs no answer, and the lines end too.
  socket.on("error", () => {});
  const say = (kind: ">" | "!" | "=", text: string | number): void => {
    if (socket.writable) socket.write(`${kind}${String(text).replaceAll("\n", " ")}\n`);
  };

  const lines = createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY });
  const requests = lines[Symbol.asyncIterator]();
  const first = await requests.next();
  const request = parseVirtServerRequest(first.done === true ? [] : first.value.split(" "));
  const server = new VirtServer({
    startSession: () => sessions.start(request),
    beforeClose: (session) => sessions.beforeClose(request, session),
    tell: (message) => say("!", message),
  });
  try {
    say(">", "ok");
    for await (const line of requests) {
      const request = parseRequest(line);
      if (request === undefined) continue;
      if (request.command === "quit") break;
      say(">", await server.answer(request));
    }
    await server.close();
    // quit answers after the testbed is closed.
    say(">", "ok");
    say("=", 0);
  } catch (error) {
    await server.close();
    say("!", `mini-buildd virtualisation server: ${errorChain(error).join(": ")}`);
    say("=", EXIT_FAILURE);
  }
  lines.close();
  socket.end();
  socket.resume();
}
