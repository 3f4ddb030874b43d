import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { type EndedCommand, runChecked, runCommand, silentLogger, systemClock } from "../../src/runtime/index.ts";
import { Testbeds } from "../../src/testbed/index.ts";
import { layersDirectory } from "./testbeds.ts";

/** The program as users run it: compiled. */
const PROGRAM = resolve(import.meta.dirname, "../../dist/main.js");
const LAUNCHER = resolve(import.meta.dirname, "../../bin/mini-buildd");
const START_TIMEOUT_MS = 120_000;

/** A stored event as the API gives it. */
export interface ApiEvent {
  readonly id: number;
  readonly type: string;
  /** ISO 8601 with milliseconds. */
  readonly timestamp: string;
  readonly upload: string | null;
  readonly build: string | null;
  readonly distribution: string | null;
  readonly source: string | null;
  readonly version: string | null;
  readonly architecture: string | null;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface DaemonOptions {
  /** TOML, after [http] and [ftp]. */
  readonly configuration?: string;
  /** TOML in [http]; it is told the port. */
  readonly http?: (port: number) => string;
  /** etc/catalog.toml; default: the host's codename with repository "test" taking unsigned uploads. */
  readonly catalog?: string;
  /** Use the layers of all tests of this user instead of own ones: a base layer takes half a minute. */
  readonly sharesLayers?: boolean;
  /** FTP one above HTTP, as the original's clients take for granted. */
  readonly hasAdjacentPorts?: boolean;
}

/** `mini-buildd serve` in a home of its own, seen from outside: its commands, its ports, its files. */
export class Daemon {
  readonly home: string;
  readonly httpPort: number;
  readonly ftpPort: number;
  readonly #scratch: string;
  #sharesLayers = false;
  #child: ChildProcess | undefined;
  #log: string[] = [];

  private constructor(scratch: string, ports: { httpPort: number; ftpPort: number }) {
    this.#scratch = scratch;
    this.home = join(scratch, "home");
    this.httpPort = ports.httpPort;
    this.ftpPort = ports.ftpPort;
  }

  /** Makes the home with its configuration; does not start. */
  static async make(options: DaemonOptions = {}): Promise<Daemon> {
    // Not below /tmp, which may be a tmpfs too small for testbeds.
    const scratch = await mkdtemp("/var/tmp/mini-buildd-system-");
    const ports =
      options.hasAdjacentPorts === true ? await adjacentPorts() : { httpPort: await freePort(), ftpPort: await freePort() };
    const daemon = new Daemon(scratch, ports);
    await mkdir(join(daemon.home, "etc", "keyrings"), { recursive: true });
    await writeFile(
      join(daemon.home, "etc", "mini-buildd.toml"),
      `identity = "test"\nhostname = "localhost"\n[http]\n${options.http?.(daemon.httpPort) ?? `port = ${daemon.httpPort}`}\n[ftp]\nport = ${daemon.ftpPort}\n${options.configuration ?? ""}`,
    );
    await writeFile(join(daemon.home, "etc", "catalog.toml"), options.catalog ?? (await defaultCatalog()));
    if (options.sharesLayers === true) await daemon.#shareLayers();
    return daemon;
  }

  async #shareLayers(): Promise<void> {
    await mkdir(layersDirectory(), { recursive: true, mode: 0o700 });
    await symlink(layersDirectory(), join(this.home, "testbeds"));
    this.#sharesLayers = true;
  }

  get url(): string {
    return `http://localhost:${this.httpPort}`;
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error("the daemon does not run");
    return this.#child.pid;
  }

  /** What it logged, from all its starts. */
  get log(): string {
    return this.#log.join("\n");
  }

  get scratch(): string {
    return this.#scratch;
  }

  /** Resolves when it says that it is ready. */
  async start(): Promise<void> {
    const child = spawn(LAUNCHER, ["serve", "--home", this.home], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: process.env["PATH"], HOME: this.#scratch, LC_ALL: "C.UTF-8" },
    });
    this.#child = child;
    const lines = createInterface({ input: child.stderr });
    const timer = setTimeout(() => child.kill("SIGKILL"), START_TIMEOUT_MS);
    const ready = new Promise<void>((resolveReady, reject) => {
      lines.on("line", (line) => {
        this.#log.push(line);
        if (line.includes('"msg":"ready"')) resolveReady();
      });
      child.once("exit", (code, signal) =>
        reject(new Error(`the daemon ended (${code ?? signal}) before it was ready:\n${this.log}`)),
      );
    });
    try {
      await ready;
    } finally {
      clearTimeout(timer);
    }
  }

  async stop(): Promise<void> {
    await this.end("SIGTERM");
  }

  /** Send a signal and wait until it is gone. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill(signal);
    await gone;
  }

  /** Resolves when it has ended, whoever ended it. */
  async ended(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    await once(child, "exit");
  }

  /** Run a command of the program against this daemon; its standard output. */
  async command(...args: string[]): Promise<string> {
    const ended = await this.tryCommand(...args);
    if (ended.exitCode === 0) return ended.stdout.toString("utf8");
    throw new Error(
      `mini-buildd ${args.join(" ")} ended with ${ended.exitCode}:\n${ended.stdout.toString()}${ended.stderr.toString()}`,
    );
  }

  /** The same for a command that may fail. */
  async tryCommand(...args: string[]): Promise<EndedCommand> {
    return runCommand({
      argv: [process.execPath, PROGRAM, ...args, "--home", this.home],
      env: { HOME: this.#scratch },
      timeoutMs: 300_000,
    });
  }

  /** Put etc/catalog.toml in force. */
  async apply(): Promise<void> {
    await this.command("apply");
  }

  /** With the real dput. */
  async dput(changesPath: string, method: "ftp" | "http" = "ftp"): Promise<void> {
    const configurationPath = join(this.#scratch, "dput.cf");
    await writeFile(
      configurationPath,
      `[test]\nmethod = ${method}\nfqdn = localhost:${method === "ftp" ? this.ftpPort : this.httpPort}\nlogin = anonymous\n` +
        `incoming = ${method === "ftp" ? "/incoming" : "/upload"}\nallow_unsigned_uploads = 1\n`,
    );
    await runChecked({
      argv: ["dput", "--force", "--no-upload-log", "-c", configurationPath, "test", changesPath],
      env: { HOME: this.#scratch },
      timeoutMs: 120_000,
    });
  }

  /** As the http methods of dput and dput-ng: PUT each file. */
  async put(name: string, content: Uint8Array): Promise<void> {
    // Not fetch: it sends Sec-Fetch headers, as browsers do.
    const put = request(`${this.url}/upload/${name}`, { method: "PUT", agent: false });
    put.end(content);
    const [response] = (await once(put, "response")) as [IncomingMessage];
    const answer = await text(response);
    if (response.statusCode !== 201) throw new Error(`${name} was refused: ${response.statusCode} ${answer}`);
  }

  async get(path: string): Promise<Response> {
    return fetch(`${this.url}${path}`);
  }

  /** All events there are, oldest first. */
  async events(): Promise<ApiEvent[]> {
    const all: ApiEvent[] = [];
    for await (const event of this.stream({ untilNow: true })) all.push(event);
    return all;
  }

  /** The first event, past or to come, that fits. */
  async waitFor(what: string, isIt: (event: ApiEvent) => boolean, timeoutMs = 600_000): Promise<ApiEvent> {
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      for await (const event of this.stream({ signal })) if (isIt(event)) return event;
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    throw new Error(`${what} did not happen in ${timeoutMs} ms; the daemon's log:\n${this.#log.slice(-40).join("\n")}`);
  }

  /** The end of the newest upload of this version. */
  async waitForEnd(source: string, version: string): Promise<ApiEvent> {
    const ends = ["INSTALLED", "REJECTED", "FAILED"];
    return this.waitFor(
      `the end of ${source} ${version}`,
      (event) => event.source === source && event.version === version && ends.includes(event.type),
    );
  }

  /** Server-sent events from the beginning. */
  async *stream(options: { signal?: AbortSignal; untilNow?: boolean } = {}): AsyncGenerator<ApiEvent> {
    const newest = options.untilNow === true ? await this.#newestEventId() : undefined;
    if (newest === 0) return;
    const response = await fetch(`${this.url}/api/v1/events?after=0&types=all`, {
      headers: { accept: "text/event-stream" },
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    if (response.body === null) throw new Error("no event stream");
    let rest = "";
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      const blocks = (rest + chunk).split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) {
        const data = block.split("\n").find((line) => line.startsWith("data:"));
        if (data === undefined) continue;
        const event = JSON.parse(data.slice(5)) as ApiEvent;
        yield event;
        if (newest !== undefined && event.id >= newest) return;
      }
    }
  }

  async #newestEventId(): Promise<number> {
    const response = await this.get("/api/v1/events?limit=1&types=all");
    const { events } = (await response.json()) as { events: ApiEvent[] };
    return events[0]?.id ?? 0;
  }

  /** Stop it and remove everything. */
  async remove(): Promise<void> {
    await this.stop();
    if (this.#sharesLayers) await removeOwnLists();
    else await this.#removeLayers();
    await rm(this.#scratch, { recursive: true, force: true });
  }

  /** Trees of testbeds belong to subordinate uids: only the same id map can remove them. */
  async #removeLayers(): Promise<void> {
    const cwd = join(this.home, "testbeds", "store");
    await runCommand({ argv: ["mmdebstrap", "--unshare-helper", "sh", "-c", "rm -rf -- *"], cwd, timeoutMs: 300_000 });
  }
}

/** Package lists of our own distributions: of no use to another home. */
async function removeOwnLists(): Promise<void> {
  const testbeds = await Testbeds.open({ directory: layersDirectory(), clock: systemClock, logger: silentLogger });
  try {
    for (const { id, kind, description } of await testbeds.listLayers()) {
      // One in use is another daemon's, which removes it itself.
      if (kind === "lists" && description.includes("own-")) await testbeds.removeLayer(id).catch(() => {});
    }
  } finally {
    await testbeds.close();
  }
}

async function adjacentPorts(): Promise<{ httpPort: number; ftpPort: number }> {
  for (;;) {
    const httpPort = await freePort();
    const isNextFree = await freePort(httpPort + 1).then(
      () => true,
      () => false,
    );
    if (isNextFree) return { httpPort, ftpPort: httpPort + 1 };
  }
}

export async function freePort(port = 0): Promise<number> {
  const server = createServer();
  server.listen(port, "::");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return address.port;
}

export async function hostCodename(): Promise<string> {
  const ended = await runChecked({ argv: ["sh", "-c", ". /etc/os-release; printf %s $VERSION_CODENAME"] });
  return ended.stdout.toString("utf8");
}

/** What the layout "default" wants at the end of a version: "~test12+1". */
export async function hostVersionSuffix(repositoryId = "test"): Promise<string> {
  const release = await readFile("/etc/os-release", "utf8");
  const number = /^VERSION_ID="?([0-9]+)/m.exec(release)?.[1];
  return `~${repositoryId}${number ?? `~${(await hostCodename()).toUpperCase()}`}+1`;
}

export async function hostArchitecture(): Promise<string> {
  const ended = await runChecked({ argv: ["dpkg", "--print-architecture"] });
  return ended.stdout.toString("utf8").trim();
}

export async function defaultCatalog(): Promise<string> {
  const codename = await hostCodename();
  return [
    "[archive-sources.host]",
    'from = "host"',
    `[codenames.${codename}]`,
    'base = "host"',
    `architectures = ["${await hostArchitecture()}"]`,
    "[repositories.test]",
    'layout = "default"',
    `codenames = ["${codename}"]`,
    'uploads = "unsigned"',
    "",
  ].join("\n");
}
