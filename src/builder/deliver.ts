import { lstat, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { BuildOrder, OrderFile } from "../buildorder/index.ts";
import { buildFileName, type Changes, parseChanges, parseVersion, type SourceFileEntry } from "../formats/index.ts";
import { AppError, defaultLimits, hashFile, syncDirectory } from "../runtime/index.ts";
import { packageFailed } from "./ending.ts";
import type { BuildScope } from "./environment.ts";

/** What a build may deliver. */
const BUILT_FILE = /\.(?:deb|udeb|ddeb|buildinfo)$/;

export interface BuiltFiles {
  readonly changesName: string;
  /** The .changes is among them. */
  readonly files: readonly OrderFile[];
}

/**
 * Check what sbuild left in `resultPath`. The package's own code made all of it, so nothing in it is believed: the
 * .changes must be about this build and name exactly regular files that hash as it says.
 */
export async function verifyBuiltFiles(order: BuildOrder, scope: BuildScope, resultPath: string): Promise<BuiltFiles> {
  const changesName = await findChangesName(order, resultPath);
  const changes = await readChanges(join(resultPath, changesName));
  checkIdentity(order, changes);

  const files = [await describeFile(resultPath, changesName)];
  for (const entry of changes.files) {
    checkEntry(order, scope, entry);
    files.push(await verifyFile(resultPath, entry));
  }
  return { changesName, files };
}

/** Move verified files to where they stay. Safe to run twice. */
export async function deliverFiles(built: Pick<BuiltFiles, "files">, resultPath: string, outputDirectory: string): Promise<void> {
  for (const file of built.files) {
    const handle = await open(join(resultPath, file.name), "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rm(join(outputDirectory, file.name), { force: true });
    await rename(join(resultPath, file.name), join(outputDirectory, file.name));
  }
  await syncDirectory(outputDirectory);
}

async function findChangesName(order: BuildOrder, resultPath: string): Promise<string> {
  const names = await readdir(resultPath);
  const version = parseVersion(order.version);
  // dpkg calls it "all" when only arch:all packages were asked for.
  const wanted = [order.architecture, "all"].map((architecture) =>
    buildFileName(order.source, version, `_${architecture}.changes`),
  );
  const found = wanted.find((name) => names.includes(name));
  if (found !== undefined) return found;

  throw packageFailed(`the build ended well but left no ${wanted[0]}`, "output");
}

async function readChanges(path: string): Promise<Changes> {
  const stats = await lstat(path);
  if (!stats.isFile()) throw packageFailed("the .changes of the build is no regular file", "output");
  const { size } = stats;
  if (size > defaultLimits.controlFileSizeBytesMax)
    throw packageFailed(`the .changes of the build is ${size} bytes long`, "output");
  try {
    return parseChanges(await readFile(path), "the .changes of the build");
  } catch (error) {
    if (error instanceof AppError) throw packageFailed(error.message, "output");
    throw error;
  }
}

function checkIdentity(order: BuildOrder, changes: Changes): void {
  const sourceVersion = order.binNmu?.sourceVersion ?? order.version;
  const isOrdered = changes.source === order.source && changes.version === order.version;
  if (isOrdered && changes.sourceVersion === sourceVersion) return;

  const made = [changes.source, changes.version, changes.sourceVersion === changes.version ? "" : `of ${changes.sourceVersion}`];
  throw packageFailed(`the build made ${made.join(" ").trim()}, ordered was ${order.source} ${order.version}`, "output");
}

function checkEntry(order: BuildOrder, scope: BuildScope, { name }: SourceFileEntry): void {
  if (!BUILT_FILE.test(name))
    throw packageFailed(`the build delivers ${name}, which is no .deb, .udeb, .ddeb or .buildinfo`, "output");
  if (name.endsWith(".buildinfo")) return;

  const architecture = /_([^_]+)\.[a-z]+$/.exec(name)?.[1];
  if (architecture === "all" && scope.all) return;
  if (architecture === order.architecture && scope.any) return;
  throw packageFailed(`the build delivers ${name}, which was not asked of ${order.architecture}`, "output");
}

async function verifyFile(resultPath: string, entry: SourceFileEntry): Promise<OrderFile> {
  const file = await describeFile(resultPath, entry.name);
  if (file.sizeBytes === entry.sizeBytes && file.sha256 === entry.sha256) return file;

  throw packageFailed(
    `${entry.name} is not what the .changes of the build says: sha256 ${file.sha256}, listed ${entry.sha256}`,
    "output",
  );
}

async function describeFile(resultPath: string, name: string): Promise<OrderFile> {
  const stats = await lstat(join(resultPath, name)).catch(() => undefined);
  if (stats === undefined) throw packageFailed(`the .changes of the build lists ${name}, which is not there`, "output");
  if (!stats.isFile()) throw packageFailed(`the build delivers ${name}, which is no regular file`, "output");

  const { sizeBytes, sha256 } = await hashFile(join(resultPath, name));
  return { name, sizeBytes, sha256 };
}
