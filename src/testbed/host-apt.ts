import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { extname } from "node:path";
import type { OrderAptSource } from "../buildorder/index.ts";
import { AppError, runChecked } from "../runtime/index.ts";

/** What of the host's APT configuration decides how mirrors are reached: proxies, date checks, retries. */
const TAKEN_OVER =
  /^Acquire::(Check-Date|Check-Valid-Until|Max-ValidTime(::.*)?|Retries|(https?|ftp)::(Proxy(::.*)?|Timeout|No-Cache))$/;

/**
 * `Key=Value` for apt's -o, from the host's own configuration: mirrors are reached as the administrator set it up, and
 * this machine itself, where our own repositories are, without a proxy. `configurationPath` is read as apt reads
 * APT_CONFIG: it counts above the host's own.
 */
export async function hostAcquireOptions(configurationPath?: string): Promise<string[]> {
  const dump = await runChecked({
    argv: ["apt-config", "dump", "--no-empty", "--format", "%F=%v%n"],
    ...(configurationPath === undefined ? {} : { env: { APT_CONFIG: configurationPath } }),
  });
  const takenOver = dump.stdout
    .toString("utf8")
    .split("\n")
    .filter((line) => TAKEN_OVER.test(line.split("=")[0] ?? ""));
  // First, so that a proxy which the administrator set for one of these names counts.
  return [...ownAddresses().map((host) => `Acquire::http::Proxy::${host}=DIRECT`), ...takenOver];
}

/** apt's configuration has no place for an IPv6 address: "::" separates the parts of its names. */
function ownAddresses(): string[] {
  const interfaces = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const onInterfaces = interfaces.filter(({ family }) => family === "IPv4").map(({ address }) => address);
  return [...new Set(["localhost", "127.0.0.1", ...onInterfaces])];
}

export interface AptFiles {
  /** Absolute path inside to content. */
  readonly files: ReadonlyMap<string, Uint8Array | string>;
  /** Directories of the host that `file:` sources need. */
  readonly hostDirectories: readonly string[];
}

/** The files below /etc/apt that make apt see these sources: stanzas, pins, and keys that the host keeps in files. */
export async function aptFiles(sources: readonly OrderAptSource[]): Promise<AptFiles> {
  const files = new Map<string, Uint8Array | string>();
  const hostDirectories = new Set<string>();
  for (const source of sources) {
    checkName(source.name);
    files.set(`/etc/apt/sources.list.d/${source.name}.sources`, await withKeysInside(source.deb822, files));
    if (source.preferences !== undefined)
      files.set(`/etc/apt/preferences.d/${source.name}.pref`, ensureNewline(source.preferences));
    for (const directory of localDirectories(source.deb822)) hostDirectories.add(directory);
  }
  return { files, hostDirectories: [...hostDirectories].toSorted() };
}

/**
 * Keys become files of the testbed: those that the host keeps in files, and those inline, which apt before 2.4 cannot
 * read there (Debian 11).
 */
async function withKeysInside(deb822: string, files: Map<string, Uint8Array | string>): Promise<string> {
  const keep = (key: Uint8Array | string, extension: string): string => {
    const digest = createHash("sha256").update(key).digest("hex").slice(0, 16);
    const insidePath = `/etc/apt/keyrings/mini-buildd-${digest}${extension}`;
    files.set(insidePath, key);
    return insidePath;
  };

  let text = deb822.replaceAll(/^Signed-By:[ \t]*\n((?:[ \t][^\n]*(?:\n|$))+)/gim, (field, block: string) =>
    block.includes("-----BEGIN PGP") ? `Signed-By: ${keep(unfold(block), ".asc")}\n` : field,
  );
  for (const [field = ""] of text.matchAll(/^Signed-By:[ \t]*\/[^\n]*$/gim)) {
    let replacement = field;
    for (const [path] of field.matchAll(/\/[^\s,]+/g)) {
      if (!files.has(path)) replacement = replacement.replace(path, keep(await readKey(path), extname(path)));
    }
    text = text.replace(field, replacement);
  }
  return ensureNewline(text);
}

/** The lines of a folded field: each starts with a space, an empty one is " .". */
function unfold(block: string): string {
  const lines = block.trimEnd().split("\n");
  return `${lines.map((line) => line.trim().replace(/^\.$/, "")).join("\n")}\n`;
}

async function readKey(path: string): Promise<Uint8Array> {
  return readFile(path).catch((error: unknown) => {
    throw new AppError({
      kind: "unavailable",
      code: "APT_KEY_MISSING",
      message: `the key file ${path} of an APT source cannot be read`,
      hint: "Install the package that has it, or put the key into the source's Signed-By",
      cause: error,
    });
  });
}

function localDirectories(deb822: string): string[] {
  return [...deb822.matchAll(/^(?:URIs:)?[ \t]+.*$/gim)].flatMap(([line]) =>
    [...line.matchAll(/(?:^|\s)(?:file|copy):(?:\/\/)?(\/[^\s]+)/g)].map(([, path = ""]) => path.replace(/\/+$/, "")),
  );
}

/** The name becomes a file name inside. */
function checkName(name: string): void {
  if (/^[a-z0-9][a-z0-9-]*$/.test(name)) return;

  throw new AppError({
    kind: "invalid",
    code: "APT_SOURCE_NAME",
    message: `"${name}" cannot name an APT source: expected lower-case letters, digits and hyphens`,
  });
}

function ensureNewline(text: string): string {
  return text.endsWith("\n") ? text : `${text}\n`;
}
