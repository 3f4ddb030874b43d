import { basename } from "node:path";
import { AppError, runCommand } from "../runtime/index.ts";
import { hostOf, refused } from "./ftp-control.ts";
import type { FileSending } from "./ftp-upload.ts";

/** The whole upload: as large as it may be, over a slow line. */
const UPLOAD_TIMEOUT_MS = 12 * 60 * 60 * 1000;
/** Of what OpenSSH takes from the environment. */
const ENVIRONMENT = ["PATH", "HOME", "USER", "LOGNAME", "SSH_AUTH_SOCK", "TERM"] as const;

export interface SftpOptions extends FileSending {
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * Send files by OpenSSH's sftp, so that keys, agent, known hosts and ~/.ssh/config count as for every other use of
 * ssh. `url`: `sftp://user@host:port/directory`. Throws UPLOAD_REFUSED, SFTP_MISSING, SERVER_UNREACHABLE.
 */
export async function uploadBySftp(url: URL, filePaths: readonly string[], options: SftpOptions): Promise<void> {
  for (const filePath of filePaths) options.onFile?.(filePath);
  const directory = decodeURIComponent(url.pathname);
  const batch = filePaths.map((path) => `put ${quote(path)} ${quote(`${directory.replace(/\/$/, "")}/${basename(path)}`)}\n`);
  const host = hostOf(url);
  const target = `${url.username === "" ? "" : `${decodeURIComponent(url.username)}@`}${host.includes(":") ? `[${host}]` : host}`;
  const env = Object.fromEntries(
    ENVIRONMENT.map((name) => [name, options.environment[name]]).filter(([, value]) => value !== undefined),
  );
  const ended = await runCommand({
    argv: ["sftp", "-q", "-b", "-", ...(url.port === "" ? [] : ["-P", url.port]), "--", target],
    env: env as Record<string, string>,
    input: batch.join(""),
    timeoutMs: UPLOAD_TIMEOUT_MS,
    signal: options.signal,
  });
  if (ended.reason === "exited" && ended.exitCode === 0) return;
  if (ended.reason === "not-started") throw sftpMissing();
  const said = ended.stderr.toString("utf8").trim().split("\n").slice(-3).join("; ");
  throw refused(url.host, said === "" ? `sftp ended: ${ended.reason}` : said);
}

/** As sftp reads its batches. */
function quote(path: string): string {
  if (/[\r\n\0]/.test(path)) throw refused("sftp", "a path has a line end in it");
  return `"${path.replaceAll(/["\\*?[\]]/g, "\\$&")}"`;
}

function sftpMissing(): AppError {
  return new AppError({
    kind: "unavailable",
    code: "SFTP_MISSING",
    message: "the program sftp is not on this machine",
    hint: "Install Debian's openssh-client",
  });
}
