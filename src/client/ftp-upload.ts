import { createReadStream } from "node:fs";
import { connect as connectTcp, type Socket } from "node:net";
import { basename } from "node:path";
import { pipeline } from "node:stream/promises";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { FtpControl, hostOf, opened, unreachable } from "./ftp-control.ts";

export interface FileSending {
  readonly signal: AbortSignal;
  /** Before each file. */
  readonly onFile?: ((filePath: string) => void) | undefined;
  readonly onSent?: ((sizeBytes: number) => void) | undefined;
}

/** Where implicit encryption has its port; everywhere else AUTH TLS is asked for. */
const IMPLICIT_TLS_PORT = "990";

/**
 * Send files one after the other over FTP, or FTPS, in passive mode. `url`: `ftp://user@host:port/directory`, or ftps.
 * Throws SERVER_UNREACHABLE, CERTIFICATE_UNTRUSTED (unavailable), UPLOAD_REFUSED (conflict).
 */
export async function uploadByFtp(url: URL, filePaths: readonly string[], sending: FileSending): Promise<void> {
  const isEncrypted = url.protocol === "ftps:";
  const isImplicitlyEncrypted = isEncrypted && url.port === IMPLICIT_TLS_PORT;
  const control = await FtpControl.open(url, { isImplicitlyEncrypted });
  const stop = (): void => control.destroy();
  sending.signal.addEventListener("abort", stop);
  try {
    if (isEncrypted && !isImplicitlyEncrypted) await control.encrypt(url);
    await logIn(control, url);
    if (isImplicitlyEncrypted) {
      await control.command("PBSZ 0", [200]);
      await control.command("PROT P", [200]);
    }
    for (const filePath of filePaths) {
      sending.onFile?.(filePath);
      await storeFile(control, { url, filePath, isEncrypted, sending });
    }
    await control.quit();
  } finally {
    sending.signal.removeEventListener("abort", stop);
    control.destroy();
  }
}

async function logIn(control: FtpControl, url: URL): Promise<void> {
  const user = url.username === "" ? "anonymous" : decodeURIComponent(url.username);
  const { code } = await control.command(`USER ${user}`, [230, 331]);
  if (code === 331)
    await control.command(`PASS ${url.password === "" ? "mini-buildd@" : decodeURIComponent(url.password)}`, [230]);
  await control.command("TYPE I", [200]);
  const directory = decodeURIComponent(url.pathname);
  if (directory !== "" && directory !== "/") await control.command(`CWD ${directory}`, [250]);
}

interface Storing {
  readonly url: URL;
  readonly filePath: string;
  readonly isEncrypted: boolean;
  readonly sending: FileSending;
}

async function storeFile(control: FtpControl, { url, filePath, isEncrypted, sending }: Storing): Promise<void> {
  const { text } = await control.command("EPSV", [229]);
  const port = Number(/\(\|\|\|(\d+)\|\)/.exec(text)?.[1]);
  const data = await opened(connectTcp({ host: control.socket.remoteAddress ?? hostOf(url), port }), "connect", url.host);
  try {
    await control.command(`STOR ${basename(filePath)}`, [125, 150]);
    const channel = isEncrypted ? await encryptData(control, data, url) : data;
    const file = createReadStream(filePath);
    file.on("data", (chunk) => sending.onSent?.(chunk.length));
    await pipeline(file, channel);
    await control.completion();
  } catch (error) {
    throw unreachable(url.host, error);
  } finally {
    data.destroy();
  }
}

/** With the session of the command channel: proof that both come from the same client. */
function encryptData(control: FtpControl, socket: Socket, url: URL): Promise<TLSSocket> {
  const session = (control.socket as TLSSocket).getSession();
  const host = hostOf(url);
  const name = /^[\d.]+$|:/.test(host) ? "" : host;
  // Above 1.2 a session is only there once the server has sent a ticket, which may be later than its file.
  const options = { socket, host, servername: name, maxVersion: "TLSv1.2" as const, ...(session !== undefined && { session }) };
  return opened(connectTls(options), "secureConnect", url.host);
}
