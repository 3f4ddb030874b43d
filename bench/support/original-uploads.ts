import { readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { runChecked } from "../../src/runtime/index.ts";
import type { SourceVersion } from "./source-series.ts";

/** Where the original is reached. */
export interface OriginalAddress {
  readonly url: string;
  readonly ftpPort: number;
  /** It keeps each event there as a file, `<source>/<version>/…_<TYPE>[_<architecture>].json`. */
  readonly eventsDirectory: string;
}

export interface OriginalUpload {
  /** From the end of dput until it is installed. */
  readonly seconds: number;
  /** Of them, those from the start of its build to its end. */
  readonly buildSeconds: number;
}

/** Its suite, and how every version there has to end. */
export const ORIGINAL_SERIES = { distribution: "bookworm-test-unstable", versionSuffix: "~test12+" } as const;
const END_TIMEOUT_MS = 1_800_000;
const POLL_MS = 100;

/** Upload it, and wait until it is installed; throws when it is not. */
export async function measureOriginal(address: OriginalAddress, upload: SourceVersion): Promise<OriginalUpload> {
  await dputToOriginal(address, upload.changesPath);
  const startMs = performance.now();
  await waitUntilInstalled(address, upload);
  const seconds = (performance.now() - startMs) / 1_000;
  const [from, to] = [await timeOf(address, upload, "BUILDING"), await timeOf(address, upload, "BUILT")];
  return { seconds, buildSeconds: (to - from) / 1_000 };
}

export async function dputToOriginal({ ftpPort }: OriginalAddress, changesPath: string): Promise<void> {
  const configurationPath = join(dirname(changesPath), "dput-original.cf");
  const lines = ["[original]", "method = ftp", `fqdn = 127.0.0.1:${ftpPort}`, "login = anonymous", "incoming = /incoming"];
  await writeFile(configurationPath, `${[...lines, "allow_unsigned_uploads = 1", "passive_ftp = 1"].join("\n")}\n`);
  await runChecked({
    argv: ["dput", "--force", "--no-upload-log", "-c", configurationPath, "original", changesPath],
    env: { HOME: dirname(changesPath), PATH: "/usr/bin:/bin" },
    timeoutMs: 120_000,
    keepTail: true,
  });
}

async function waitUntilInstalled(address: OriginalAddress, upload: SourceVersion): Promise<void> {
  const { isInstalled, event } = await waitForEndInOriginal(address, upload);
  if (!isInstalled) throw new Error(`the original: ${event}`);
}

export interface OriginalEnd {
  readonly isInstalled: boolean;
  /** Its event, as JSON. */
  readonly event: string;
}

/** Asks its files, not it: nobody who waits slows it down. */
export async function waitForEndInOriginal(address: OriginalAddress, upload: SourceVersion): Promise<OriginalEnd> {
  const deadline = performance.now() + END_TIMEOUT_MS;
  for (;;) {
    const path = (await eventFiles(address, upload)).find((name) => /_(?:INSTALLED|FAILED|REJECTED)/.test(name));
    if (path !== undefined) return { isInstalled: path.includes("_INSTALLED"), event: await readFile(path, "utf8") };
    if (performance.now() > deadline) throw new Error(`the original did not end with ${upload.source} ${upload.version}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function timeOf(address: OriginalAddress, upload: SourceVersion, type: "BUILDING" | "BUILT"): Promise<number> {
  const path = (await eventFiles(address, upload)).find((name) => name.includes(`_${type}_`));
  if (path === undefined) return Number.NaN;
  const event = JSON.parse(await readFile(path, "utf8")) as { timestamp: string };
  return Date.parse(event.timestamp);
}

async function eventFiles({ eventsDirectory }: OriginalAddress, { source, version }: SourceVersion): Promise<string[]> {
  const directory = join(eventsDirectory, source, version);
  const entries = await readdir(directory, { recursive: true }).catch(() => []);
  return entries.filter((name) => name.endsWith(".json")).map((name) => join(directory, name));
}
