import { once } from "node:events";
import { chmod, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { type EndedCommand, runCommand } from "../../../src/runtime/index.ts";
import { findDputNg } from "../../support/dput-ng.ts";
import type { IncomingSite } from "./incoming-site.ts";

export type Protocol = "ftp" | "http";

/** Protocols that real programs speak to a site. */
export type ProgramProtocol = Protocol | "ftps" | "sftp";

/** Where a site listens. */
export type Ports = Pick<IncomingSite, "ftpPort" | "httpPort">;

/** A real program that sends a whole upload. */
export interface UploadProgram {
  readonly name: string;
  readonly protocol: ProgramProtocol;
  send(site: IncomingSite, upload: { directory: string; changesPath: string; names: readonly string[] }): Promise<EndedCommand>;
}

export const uploadPrograms: readonly UploadProgram[] = [
  { name: "dput", protocol: "ftp", send: (site, upload) => runDput(site, upload.changesPath, "ftp", "localhost") },
  { name: "dput", protocol: "http", send: (site, upload) => runDput(site, upload.changesPath, "http", "localhost") },
  { name: "dput over IPv4", protocol: "ftp", send: (site, upload) => runDput(site, upload.changesPath, "ftp", "127.0.0.1") },
  {
    name: "dput in active mode",
    protocol: "ftp",
    send: (site, upload) => runDput(site, upload.changesPath, "ftp-active", "localhost"),
  },
  { name: "dput-ng", protocol: "ftp", send: (site, upload) => runDputNg(site, upload.changesPath, "ftp") },
  { name: "dput-ng", protocol: "http", send: (site, upload) => runDputNg(site, upload.changesPath, "http") },
  { name: "lftp", protocol: "ftp", send: runLftp },
  { name: "curl", protocol: "ftp", send: (site, upload) => runCurl(site, upload, `ftp://localhost:${site.ftpPort}/incoming/`) },
  {
    name: "curl in active mode",
    protocol: "ftp",
    send: (site, upload) => runCurl(site, upload, `ftp://localhost:${site.ftpPort}/incoming/`, ["--ftp-port", "-"]),
  },
  { name: "curl", protocol: "http", send: (site, upload) => runCurl(site, upload, `http://localhost:${site.httpPort}/upload/`) },
];

/** To a site with `encryption`; each but Python's checks the certificate. */
export const encryptedFtpPrograms: readonly UploadProgram[] = [
  { name: "dput-ng", protocol: "ftps", send: (site, upload) => runDputNg(site, upload.changesPath, "ftps") },
  { name: "lftp", protocol: "ftps", send: (site, upload) => runLftp(site, upload, encryptedLftp(site)) },
  {
    name: "lftp in active mode",
    protocol: "ftps",
    send: (site, upload) => runLftp(site, upload, [...encryptedLftp(site), "set ftp:passive-mode no"]),
  },
  { name: "lftp, TLS first,", protocol: "ftps", send: (site, upload) => runLftp(site, upload, encryptedLftp(site), "ftps://") },
  {
    name: "curl",
    protocol: "ftps",
    send: (site, upload) =>
      runCurl(site, upload, `ftp://localhost:${site.ftpPort}/incoming/`, ["--ssl-reqd", "--cacert", site.certificatePath]),
  },
  {
    name: "curl, TLS first,",
    protocol: "ftps",
    send: (site, upload) =>
      runCurl(site, upload, `ftps://localhost:${site.ftpsPort}/incoming/`, ["--cacert", site.certificatePath]),
  },
];

function encryptedLftp(site: IncomingSite): string[] {
  return [
    "set ftp:ssl-allow-anonymous yes",
    "set ftp:ssl-force yes",
    "set ftp:ssl-protect-data yes",
    `set ssl:ca-file ${site.certificatePath}`,
  ];
}

/** To a site with `sftp`, as ann. */
export const sftpPrograms: readonly UploadProgram[] = [
  { name: "OpenSSH's sftp", protocol: "sftp", send: (site, upload) => runSftp(site, upload) },
  { name: "OpenSSH's scp", protocol: "sftp", send: runScp },
  { name: "dput's scp", protocol: "sftp", send: (site, upload) => runDputScp(site, upload.changesPath) },
  { name: "dput-ng", protocol: "sftp", send: (site, upload) => runDputNg(site, upload.changesPath, "sftp") },
  { name: "lftp", protocol: "sftp", send: runLftpSftp },
];

function sshOptions(site: IncomingSite): string[] {
  return [
    `Port=${site.sftp.port}`,
    `IdentityFile=${site.sshKeyPath}`,
    `UserKnownHostsFile=${site.knownHostsPath}`,
    "IdentitiesOnly=yes",
    "IdentityAgent=none",
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
  ];
}

export async function runSftp(
  site: IncomingSite,
  upload: { directory: string; names: readonly string[] },
  { user = "ann", batch }: { user?: string; batch?: readonly string[] } = {},
): Promise<EndedCommand> {
  const batchPath = join(site.workPath, "sftp-batch");
  const lines = batch ?? upload.names.map((name) => `put ${join(upload.directory, name)} /incoming/${name}`);
  await writeFile(batchPath, `${lines.join("\n")}\n`);
  const options = sshOptions(site).flatMap((option) => ["-o", option]);
  return runCommand({
    argv: ["sftp", "-F", "none", ...options, "-b", batchPath, `${user}@localhost`],
    env: { HOME: site.workPath },
    timeoutMs: 60_000,
  });
}

function runScp(site: IncomingSite, upload: { directory: string; names: readonly string[] }): Promise<EndedCommand> {
  const options = sshOptions(site).flatMap((option) => ["-o", option]);
  const paths = upload.names.map((name) => join(upload.directory, name));
  return runCommand({
    argv: ["scp", "-q", "-p", "-F", "none", ...options, ...paths, "ann@localhost:/incoming"],
    env: { HOME: site.workPath },
    timeoutMs: 60_000,
  });
}

/** It also sets the modes afterwards, by a command. */
async function runDputScp(site: IncomingSite, changesPath: string): Promise<EndedCommand> {
  const configPath = join(site.workPath, "dput-scp.cf");
  await chmod(changesPath, 0o600);
  const lines = ["[mbd]", "method = scp", "fqdn = localhost", "login = ann", "incoming = /incoming", "allow_dcut = 0"];
  const options = sshOptions(site).map((option) => `  ${option}`);
  await writeFile(configPath, `${[...lines, "ssh_config_options =", ...options].join("\n")}\n`);
  return runCommand({
    argv: ["/usr/bin/dput", "--config", configPath, "--unchecked", "--force", "--no-upload-log", "mbd", changesPath],
    env: { HOME: site.workPath },
    timeoutMs: 60_000,
  });
}

function runLftpSftp(site: IncomingSite, upload: { directory: string; names: readonly string[] }): Promise<EndedCommand> {
  const ssh = ["ssh", "-a", "-x", "-F", "none", ...sshOptions(site).flatMap((option) => ["-o", option])].join(" ");
  const puts = upload.names.map((name) => `put -O /incoming ${join(upload.directory, name)}`);
  const settings = ["set net:max-retries 1", "set cmd:fail-exit yes", `set sftp:connect-program "${ssh}"`];
  const script = [...settings, `open sftp://ann:@localhost:${site.sftp.port}`, ...puts].join("; ");
  return runCommand({ argv: ["lftp", "--norc", "-c", script], env: { HOME: site.workPath }, timeoutMs: 60_000 });
}

export async function runDput(
  site: IncomingSite,
  changesPath: string,
  method: Protocol | "ftp-active",
  host: string,
): Promise<EndedCommand> {
  const configPath = await writeDputConfig(site, method, host);
  return runCommand({
    argv: ["/usr/bin/dput", "--config", configPath, "--unchecked", "--force", "--no-upload-log", "mbd", changesPath],
    env: { HOME: site.workPath },
    timeoutMs: 60_000,
  });
}

export async function runDputNg(site: IncomingSite, changesPath: string, method: ProgramProtocol): Promise<EndedCommand> {
  const program = await findDputNg();
  if (program === undefined) throw new Error("dput-ng is not there");

  const isSftp = method === "sftp";
  const configPath = isSftp ? await writeSftpConfig(site) : await writeDputConfig(site, method, "localhost");
  const env = isSftp ? { ...program.env, HOME: await makeSshHome(site, program.env.HOME ?? "") } : program.env;
  return runCommand({
    argv: [...program.argv, "--config", configPath, "--unchecked", "--force", "--no-upload-log", "mbd", changesPath],
    cwd: program.cwd,
    env,
    timeoutMs: 60_000,
  });
}

async function writeSftpConfig(site: IncomingSite): Promise<string> {
  const path = join(site.workPath, "dput-sftp.cf");
  const lines = ["[mbd]", "method = sftp", "fqdn = localhost", `port = ${site.sftp.port}`, "login = ann", "incoming = /incoming"];
  await writeFile(path, `${[...lines, "allow_unsigned_uploads = 1", "allow_dcut = 0"].join("\n")}\n`);
  return path;
}

/** Where Paramiko finds key and known hosts, beside what dput-ng has in its home. */
async function makeSshHome(site: IncomingSite, dputHome: string): Promise<string> {
  const home = join(site.workPath, "home");
  await mkdir(join(home, ".ssh"), { recursive: true });
  await rm(join(home, ".dput.d"), { force: true });
  await symlink(join(dputHome, ".dput.d"), join(home, ".dput.d"));
  const lines = ["Host localhost", `IdentityFile ${site.sshKeyPath}`, `UserKnownHostsFile ${site.knownHostsPath}`];
  await writeFile(join(home, ".ssh", "config"), `${lines.join("\n")}\n`);
  return home;
}

async function writeDputConfig(site: IncomingSite, method: ProgramProtocol | "ftp-active", host: string): Promise<string> {
  const path = join(site.workPath, `dput-${method}.cf`);
  const where =
    method === "http"
      ? [`method = http`, `fqdn = ${host}:${site.httpPort}`, "incoming = /upload"]
      : [
          `method = ${method === "ftps" ? "ftps" : "ftp"}`,
          `fqdn = ${host}:${site.ftpPort}`,
          "incoming = /incoming",
          `passive_ftp = ${method === "ftp-active" ? 0 : 1}`,
        ];
  const lines = ["[mbd]", ...where, "login = anonymous", "allow_unsigned_uploads = 1", "allow_dcut = 0"];
  await writeFile(path, `${lines.join("\n")}\n`);
  return path;
}

function runLftp(
  site: IncomingSite,
  upload: { directory: string; names: readonly string[] },
  settings: readonly string[] = [],
  scheme: "ftp://" | "ftps://" = "ftp://",
): Promise<EndedCommand> {
  const puts = upload.names.map((name) => `put -O incoming ${join(upload.directory, name)}`);
  const port = scheme === "ftp://" ? site.ftpPort : site.ftpsPort;
  const open = `open ${scheme}localhost:${port}`;
  const script = ["set net:max-retries 1", "set cmd:fail-exit yes", ...settings, open, ...puts].join("; ");
  return runCommand({ argv: ["lftp", "--norc", "-c", script], env: { HOME: site.workPath }, timeoutMs: 60_000 });
}

function runCurl(
  site: IncomingSite,
  upload: { directory: string; names: readonly string[] },
  url: string,
  extra: string[] = [],
): Promise<EndedCommand> {
  const uploads = upload.names.flatMap((name) => ["--upload-file", join(upload.directory, name), url]);
  return runCommand({
    argv: ["curl", "--no-progress-meter", "--fail", ...extra, ...uploads],
    env: { HOME: site.workPath, no_proxy: "*" },
    timeoutMs: 60_000,
  });
}

export function printed(ended: EndedCommand): string {
  return Buffer.concat([ended.stdout, ended.stderr]).toString("utf8");
}

/** One file, by hand; resolves when the server has said that it is stored. */
export async function sendFile(site: Ports, protocol: Protocol, directory: string, name: string): Promise<void> {
  const bytes = await readFile(join(directory, name));
  await (protocol === "ftp" ? sendByFtp(site, name, bytes) : sendByHttp(site, name, bytes));
}

export async function sendBytes(site: Ports, protocol: Protocol, name: string, bytes: Uint8Array): Promise<void> {
  await (protocol === "ftp" ? sendByFtp(site, name, bytes) : sendByHttp(site, name, bytes));
}

async function sendByHttp(site: Ports, name: string, bytes: Uint8Array): Promise<void> {
  const status = await putStatus(site, name, bytes);
  if (status !== 201) throw new Error(`PUT ${name}: ${status}`);
}

export function putStatus(site: Ports, name: string, bytes: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    const put = request({ port: site.httpPort, method: "PUT", path: `/upload/${name}`, agent: false }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode ?? 0));
    });
    put.on("error", reject);
    put.end(bytes);
  });
}

async function sendByFtp(site: Ports, name: string, bytes: Uint8Array): Promise<void> {
  const client = await FtpClient.login(site.ftpPort);
  const answer = await client.store(name, bytes);
  await client.command("QUIT");
  client.close();
  if (!answer.startsWith("226")) throw new Error(`STOR ${name}: ${answer}`);
}

/** Send half of a file and break off, as a killed program does. */
export async function sendHalf(site: Ports, protocol: Protocol, name: string, bytes: Uint8Array): Promise<void> {
  const half = bytes.subarray(0, bytes.length / 2);
  if (protocol === "http") {
    const socket = await connectTo(site.httpPort);
    socket.write(`PUT /upload/${name} HTTP/1.1\r\nHost: x\r\nContent-Length: ${bytes.length}\r\n\r\n`);
    await new Promise<void>((resolve) => socket.write(half, () => resolve()));
    socket.destroy();
    return;
  }
  const { client, data } = await beginStor(site, name, half);
  // As the kernel does for a dead process: the older descriptor first.
  client.close();
  data.destroy();
}

/** A transfer that has begun, and goes no further. */
export async function beginStor(site: Ports, name: string, bytes: Uint8Array): Promise<{ client: FtpClient; data: Socket }> {
  const client = await FtpClient.login(site.ftpPort);
  const data = await client.openPassive();
  await client.send(`STOR ${name}`);
  await client.reply();
  await new Promise<void>((resolve) => data.write(bytes, () => resolve()));
  return { client, data };
}

export async function connectTo(port: number, host = "localhost"): Promise<Socket> {
  const socket = connect({ port, host, autoSelectFamily: true });
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

/** Speaks FTP word by word, so that tests can say what no real client says. */
export class FtpClient {
  readonly socket: Socket;
  readonly host: string;
  #buffer = "";
  #isEnded = false;
  #wake: () => void = () => {};

  private constructor(socket: Socket, host: string) {
    this.socket = socket;
    this.host = host;
    socket.setEncoding("latin1");
    socket.on("data", (text) => {
      this.#buffer += text.toString();
      this.#wake();
    });
    socket.on("close", () => {
      this.#isEnded = true;
      this.#wake();
    });
  }

  /** Connected, greeting not yet read. */
  static async connect(port: number, host = "127.0.0.1"): Promise<FtpClient> {
    return new FtpClient(await connectTo(port, host), host);
  }

  /** Logged in, in /incoming. */
  static async login(port: number, host = "127.0.0.1"): Promise<FtpClient> {
    const client = await FtpClient.connect(port, host);
    await client.reply();
    for (const line of ["USER anonymous", "PASS x@example.org", "TYPE I", "CWD /incoming"]) await client.command(line);
    return client;
  }

  async command(line: string): Promise<string> {
    await this.send(line);
    return this.reply();
  }

  async send(line: string): Promise<void> {
    await new Promise<void>((resolve) => this.socket.write(`${line}\r\n`, () => resolve()));
  }

  /** The next whole reply; "" when the server has closed the connection. */
  async reply(): Promise<string> {
    for (;;) {
      const match = /^(?:(\d{3})-[\s\S]*?\r\n\1 [^\r]*|\d{3} [^\r]*)\r\n/.exec(this.#buffer);
      if (match !== null) {
        this.#buffer = this.#buffer.slice(match[0].length);
        return match[0].trimEnd();
      }
      if (this.#isEnded) return "";
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async openPassive(): Promise<Socket> {
    const answer = await this.command("EPSV");
    const port = Number(/\|\|\|(\d+)\|/.exec(answer)?.[1]);
    return connectTo(port, this.host);
  }

  async store(name: string, bytes: Uint8Array): Promise<string> {
    const data = await this.openPassive();
    const first = await this.command(`STOR ${name}`);
    if (!first.startsWith("150")) {
      data.destroy();
      return first;
    }
    data.end(bytes);
    return this.reply();
  }

  close(): void {
    this.socket.destroy();
  }
}

export async function makeDirectoryFor(site: IncomingSite, name: string): Promise<string> {
  const path = join(site.workPath, name);
  await mkdir(path, { recursive: true });
  return path;
}
