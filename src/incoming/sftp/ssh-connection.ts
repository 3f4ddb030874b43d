import type { Socket } from "node:net";
import ssh2, { type AuthContext, type Connection, type PublicKeyAuthContext, type Session } from "ssh2";
import type { FromSshProcess, SshRequest } from "./messages.ts";
import { serveSftp } from "./sftp-requests.ts";

type WithoutNumber<T> = T extends unknown ? Omit<T, "request"> : never;

export interface SshOptions {
  readonly connection: number;
  readonly hostKey: string;
  readonly loginTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** Resolves with the reason when it is refused. */
  readonly ask: (request: WithoutNumber<SshRequest>) => Promise<string | undefined>;
  readonly tell: (message: FromSshProcess) => void;
}

/** Keys that a client may try. */
const ATTEMPTS_MAX = 20;
const SESSIONS_MAX = 10;
/** Of our answers, with a client that asks but does not read. */
const UNREAD_BYTES_MAX = 4 * 1024 ** 2;
/** No SHA-1, no CBC; aes-ctr is for paramiko. With compression, an ordinary disconnect ends the process. */
const ALGORITHMS: ssh2.Algorithms = {
  compress: ["none"],
  cipher: ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes256-ctr", "aes192-ctr", "aes128-ctr"],
  kex: [
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group14-sha256",
  ],
  hmac: ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512"],
};

/** One connection, from its first byte to its end. */
export function serveSsh(socket: Socket, options: SshOptions): void {
  const { connection, tell, loginTimeoutMs, idleTimeoutMs } = options;
  socket.on("error", () => {});
  socket.setTimeout(idleTimeoutMs, () => socket.destroy());
  const login = setTimeout(() => socket.destroy(), loginTimeoutMs);
  socket.once("close", () => {
    clearTimeout(login);
    tell({ type: "closed", connection });
  });

  // A server for one: nothing is shared between connections.
  const server = new ssh2.Server({ hostKeys: [options.hostKey], algorithms: ALGORITHMS, ident: "mini-buildd" });
  server.on("connection", (client) => {
    client.on("error", () => socket.destroySoon());
    socket.on("data", () => {
      if (socket.writableLength > UNREAD_BYTES_MAX) socket.destroy();
    });
    authenticate(client, options);
    client.once("ready", () => {
      clearTimeout(login);
      serveSessions(client, socket, options);
    });
  });
  // It begins to read by itself, a little later: what is read before is lost.
  server.injectSocket(socket);
}

/** Only by a key. */
function authenticate(client: Connection, options: SshOptions): void {
  let attempts = 0;
  client.on("authentication", (context) => {
    attempts += 1;
    if (attempts > ATTEMPTS_MAX) {
      client.end();
      return;
    }
    decide(context, options).then(
      (isLetIn) => (isLetIn ? context.accept() : context.reject(["publickey"])),
      () => context.reject(["publickey"]),
    );
  });
}

async function decide(context: AuthContext, { ask, connection }: SshOptions): Promise<boolean> {
  if (context.method !== "publickey") return false;
  if (!isProven(context)) return false;
  const refusal = await ask({ type: "authenticate", connection, name: context.username, key: context.key.data });
  return refusal === undefined;
}

/** A client first asks whether a key would do; then it proves that it has it. SHA-1 proves nothing. */
function isProven({ key, signature, blob, hashAlgo }: PublicKeyAuthContext): boolean {
  const parsed = ssh2.utils.parseKey(`${key.algo.startsWith("rsa-sha2-") ? "ssh-rsa" : key.algo} ${key.data.toString("base64")}`);
  if (parsed instanceof Error || Array.isArray(parsed)) return false;
  if (signature === undefined || blob === undefined) return true;
  if (parsed.type === "ssh-rsa" && hashAlgo !== "sha256" && hashAlgo !== "sha512") return false;
  // An error is returned too, not thrown.
  const isRight: unknown = parsed.verify(blob, signature, hashAlgo);
  return isRight === true;
}

function serveSessions(client: Connection, socket: Socket, options: SshOptions): void {
  let sessions = 0;
  client.on("session", (accept, reject) => {
    sessions += 1;
    if (sessions > SESSIONS_MAX) {
      reject();
      return;
    }
    serveSession(accept(), socket, options);
  });
}

function serveSession(session: Session, socket: Socket, options: SshOptions): void {
  session.on("sftp", (accept) => {
    serveSftp(accept(), { ...options, socket });
  });
  session.on("exec", (accept, reject, { command }) => {
    // dput's scp method does so afterwards; nobody can read the files in any case.
    if (!/^chmod 0644( \/?incoming\/[A-Za-z0-9+.~_:-]+)+$/.test(command)) {
      reject();
      return;
    }
    const channel = accept();
    channel.exit(0);
    channel.end();
  });
}
