import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { type Dsc, isFileName, parseDsc, readControlFile } from "../../formats/index.ts";
import { type PublicKeys, verifyClearsigned } from "../../keyring/index.ts";
import { AppError, hashFile, type Limits, runCommand } from "../../runtime/index.ts";
import type { SourceRequest } from "./source-request.ts";

/** Reaches the net as this machine's APT does: its proxies, its certificates. It checks no signature: we do. */
const APT_HELPER = "/usr/lib/apt/apt-helper";
const DSC_TIMEOUT_MS = 60_000;
const FILE_TIMEOUT_MS = 60 * 60 * 1000;

export interface ExternalDsc {
  readonly dscUrl: string;
  /** As it came. */
  readonly text: string;
  readonly dsc: Dsc;
}

/**
 * Get a .dsc from another archive. Unless told otherwise, one of the keyrings must know who signed it. Throws
 * PORT_URL_INVALID, PORT_DOWNLOAD_FAILED, PORT_KEYRINGS_MISSING, and what verifyClearsigned throws (forbidden).
 */
export async function fetchDsc(
  url: string,
  { keyrings, limits }: { keyrings: readonly (string | PublicKeys)[] | "any"; limits: Limits },
): Promise<ExternalDsc> {
  const dscUrl = parseDscUrl(url);
  const scratchPath = await mkdtemp(join(tmpdir(), "mini-buildd-dsc-"));
  try {
    const path = join(scratchPath, "source.dsc");
    const sizeBytesMax = limits.controlFileSizeBytesMax;
    await download({ url: dscUrl, path, sizeBytesMax, timeoutMs: DSC_TIMEOUT_MS });
    const bytes = await readControlFile(path, basename(dscUrl));
    const signed = keyrings === "any" ? bytes : (await verify(bytes, keyrings)).text;
    return { dscUrl, text: bytes.toString("utf8"), dsc: parseDsc(signed, basename(dscUrl)) };
  } finally {
    await rm(scratchPath, { recursive: true, force: true });
  }
}

/** The .dsc as it was when it was asked for, and its files from beside it: each must be the one it lists. */
export async function fetchSourceFiles(
  { dscUrl, dscText }: Extract<SourceRequest, { kind: "external-port" }>,
  { path, limits, signal }: { path: string; limits: Limits; signal: AbortSignal },
): Promise<{ dscName: string; dsc: Dsc }> {
  const dscName = decodeURIComponent(basename(new URL(dscUrl).pathname));
  await writeFile(join(path, dscName), dscText);
  const dsc = parseDsc(dscText, dscName);
  for (const { name, sizeBytes, sha256 } of dsc.files) {
    if (sizeBytes > limits.uploadFileSizeBytesMax) throw downloadFailed(name, `it has ${sizeBytes} bytes`, "invalid");
    const url = new URL(encodeURIComponent(name), dscUrl).href;
    const filePath = join(path, name);
    await download({ url, path: filePath, sizeBytesMax: sizeBytes, timeoutMs: FILE_TIMEOUT_MS, signal });
    const got = await hashFile(filePath);
    if (got.sha256 !== sha256) throw downloadFailed(url, `SHA-256 ${sha256} is listed, ${got.sha256} came`, "invalid");
  }
  return { dscName, dsc };
}

/** Those keyrings of the list that this machine has. */
export function presentKeyrings(paths: readonly string[]): string[] {
  const present = paths.filter((path) => existsSync(path));
  if (present.length > 0) return present;

  throw new AppError({
    kind: "unavailable",
    code: "PORT_KEYRINGS_MISSING",
    message: `none of the keyrings that sources from elsewhere are verified with is here: ${paths.join(", ")}`,
    hint: "Install debian-keyring, or name others: [ports] keyrings in etc/mini-buildd.toml",
  });
}

async function verify(bytes: Buffer, keyrings: readonly (string | PublicKeys)[]): Promise<{ text: string }> {
  try {
    return await verifyClearsigned(bytes, keyrings);
  } catch (error) {
    if (!(error instanceof AppError) || error.kind !== "forbidden") throw error;
    const hint = "If you know where it comes from: allow_unauthenticated takes it all the same";
    throw new AppError({ kind: error.kind, code: error.code, message: error.message, hint, cause: error });
  }
}

/** Only what the net has: APT's helper would read files of this machine, too. */
function parseDscUrl(text: string): string {
  const url = URL.parse(text);
  const isGood = url !== null && ["http:", "https:"].includes(url.protocol) && url.search === "" && url.hash === "";
  const name = isGood ? safeDecode(basename(url.pathname)) : "";
  if (isGood && url.username === "" && url.password === "" && isFileName(name) && name.endsWith(".dsc")) return url.href;

  throw new AppError({
    kind: "invalid",
    code: "PORT_URL_INVALID",
    message: `${JSON.stringify(text.slice(0, 300))} is not the address of a .dsc`,
    hint: "Give an http: or https: address that ends in .dsc, without user, query and fragment",
  });
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

interface Download {
  readonly url: string;
  readonly path: string;
  readonly sizeBytesMax: number;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

async function download({ url, path, sizeBytesMax, timeoutMs, signal }: Download): Promise<void> {
  const ended = await runCommand({
    // A file that grows beyond what is expected ends the download.
    argv: ["prlimit", `--fsize=${sizeBytesMax}`, "--", APT_HELPER, "download-file", url, path],
    timeoutMs,
    signal,
    outputBytesMax: 1024 ** 2,
  });
  signal?.throwIfAborted();
  if (ended.reason === "exited" && ended.exitCode === 0) return;

  const lines = `${ended.stdout.toString("utf8")}\n${ended.stderr.toString("utf8")}`.trim().split("\n");
  const why = lines.findLast((line) => /^\s*(?:E:|Err|404|403)/.test(line)) ?? lines.at(-1) ?? "";
  throw downloadFailed(url, why.trim().slice(0, 300), /404|403/.test(why) ? "not-found" : "unavailable");
}

function downloadFailed(what: string, why: string, kind: "invalid" | "not-found" | "unavailable"): AppError {
  return new AppError({
    kind,
    code: "PORT_DOWNLOAD_FAILED",
    message: `${what} cannot be used: ${why}`,
    hint: "Look whether this machine reaches that address, and whether the archive is whole",
  });
}
