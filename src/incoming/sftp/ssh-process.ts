/**
 * The process that speaks SSH. It gets connections from the server, and asks it for everything that touches users or
 * files; it opens neither database nor files itself. What breaks it breaks nothing else.
 */
import type { Socket } from "node:net";
import { assert, serveParent } from "../../runtime/index.ts";
import type { FromSshProcess, SshRequest, ToSshProcess } from "./messages.ts";
import { type SshOptions, serveSsh } from "./ssh-connection.ts";

type Ask = SshOptions["ask"];

let options: Omit<SshOptions, "connection"> | undefined;
let lastRequest = 0;
const waiting = new Map<number, (refusal: string | undefined) => void>();

const ask: Ask = (asked) =>
  new Promise((resolve) => {
    lastRequest += 1;
    waiting.set(lastRequest, resolve);
    const request = { ...asked, request: lastRequest } as SshRequest;
    tell(request);
  });

function tell(message: FromSshProcess): void {
  parent.send(message);
}

const parent = serveParent((received, handle) => {
  const message = received as ToSshProcess;
  if (message.type === "start") {
    const { hostKey, loginTimeoutMs, idleTimeoutMs } = message;
    options = { hostKey, loginTimeoutMs, idleTimeoutMs, ask, tell };
  } else if (message.type === "answer") {
    waiting.get(message.request)?.(message.refusal);
    waiting.delete(message.request);
  } else {
    take(handle as Socket | undefined, message.connection);
  }
});

function take(socket: Socket | undefined, connection: number): void {
  assert(options !== undefined, "the start comes first");
  if (socket === undefined) {
    // It broke off on its way here.
    tell({ type: "closed", connection });
    return;
  }
  serveSsh(socket, { ...options, connection });
}
