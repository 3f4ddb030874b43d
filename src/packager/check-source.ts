import { link, rm } from "node:fs/promises";
import { join } from "node:path";
import { findIdentity, findPoolFiles, listFileUsers, type PlacedFile } from "../archive/index.ts";
import type { DistributionTarget } from "../catalog/index.ts";
import {
  type Changes,
  checkControlFileSize,
  type Dsc,
  findDscEntry,
  parseDsc,
  readControlFile,
  type SourceFileEntry,
} from "../formats/index.ts";
import type { Problem } from "../rules/index.ts";
import { AppError, type FileHashes, hashFile } from "../runtime/index.ts";
import type { PackagerContext } from "./packager-context.ts";
import type { Upload } from "./upload.ts";
import { uploadPath } from "./upload-paths.ts";

export interface SourceFinding {
  readonly dsc: Dsc | undefined;
  readonly dscName: string;
  readonly dscSha256: string | undefined;
  readonly problems: readonly Problem[];
}

interface SourceQuestion {
  readonly upload: Upload;
  readonly changes: Changes;
  readonly target: DistributionTarget | undefined;
}

const CONFLICT_HINT =
  "Take the file from the repository's pool and build the source package with it, or use a new upstream version";

/** The whole chain .changes → .dsc → tarballs: every file there, and every size and checksum as listed. */
export async function checkSource(context: PackagerContext, question: SourceQuestion): Promise<SourceFinding> {
  const { upload, changes } = question;
  const directory = uploadPath(context, upload.id);
  const dscEntries = changes.files.filter((file) => file.name.endsWith(".dsc"));
  const tooLarge = dscEntries.flatMap(checkDscSize);
  if (tooLarge.length > 0) return { dsc: undefined, dscName: "", dscSha256: undefined, problems: tooLarge };

  const problems = await checkListedFiles(directory, changes);
  const dscEntry = findDscEntry(changes);
  if (dscEntry === undefined || dscEntries.length > 1 || !changes.architectures.includes("source")) {
    return { dsc: undefined, dscName: "", dscSha256: undefined, problems: [...problems, notOneSource(changes, dscEntries)] };
  }

  const found = { dscName: dscEntry.name, dscSha256: dscEntry.sha256 };
  const dsc = await readDsc(join(directory, dscEntry.name), dscEntry.name);
  if ("problem" in dsc) return { ...found, dsc: undefined, problems: [...problems, dsc.problem] };

  problems.push(...checkNames(changes, dsc, dscEntry.name));
  for (const entry of dsc.files) problems.push(...(await checkSourceFile(context, { ...question, directory, entry })));
  return { ...found, dsc, problems };
}

/** Whatever calls itself a .dsc is held in memory later: what is no control file by its size is not even hashed. */
function checkDscSize({ name, sizeBytes }: SourceFileEntry): Problem[] {
  try {
    checkControlFileSize(sizeBytes, name);
    return [];
  } catch (error) {
    return [problemOf(error)];
  }
}

/** The bytes that are stored are those that the .changes lists. */
async function checkListedFiles(directory: string, changes: Changes): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const entry of changes.files) {
    const stored = await hashFile(join(directory, entry.name));
    const difference = describeDifference(entry, stored);
    if (difference !== undefined) problems.push(checksumProblem(entry.name, "the .changes", difference));
  }
  return problems;
}

async function readDsc(path: string, name: string): Promise<Dsc | { problem: Problem }> {
  try {
    return parseDsc(await readControlFile(path, name), name);
  } catch (error) {
    return { problem: problemOf(error) };
  }
}

/** What the uploader can correct; anything else is thrown on. */
function problemOf(error: unknown): Problem {
  if (!(error instanceof AppError) || error.kind !== "invalid") throw error;
  return { code: error.code, message: error.message, hint: error.hint };
}

/** Also the version of the upload, by which it is judged, is that of the source that is installed in the end. */
function checkNames(changes: Changes, dsc: Dsc, dscName: string): Problem[] {
  const isSameVersion = dsc.version === changes.version && dsc.version === changes.sourceVersion;
  if (dsc.source === changes.source && isSameVersion) return [];

  const versions = [...new Set([changes.version, changes.sourceVersion])].join(" and ");
  return [
    {
      code: "SOURCE_DIFFERS",
      message: `${dscName} is ${dsc.source} ${dsc.version}, but the .changes says ${changes.source} ${versions}`,
      hint: "Build the source package again: dpkg-buildpackage -S",
    },
  ];
}

/** One file of the .dsc: from the upload, or from the pool; never another content than the pool has under that name. */
async function checkSourceFile(
  context: PackagerContext,
  question: SourceQuestion & { directory: string; entry: SourceFileEntry },
): Promise<Problem[]> {
  const { changes, target, directory, entry } = question;
  const inPool = target === undefined ? [] : await findPoolFiles(context.database.read, target.repositoryId, entry.name);
  const uploaded = changes.files.find((file) => file.name === entry.name);
  if (uploaded !== undefined) {
    const difference = describeDifference(entry, uploaded);
    if (difference !== undefined) return [checksumProblem(entry.name, "the .dsc", difference)];
    return target === undefined ? [] : checkKnownContent(context, { target, entry, inPool });
  }

  const same = inPool.find((file) => file.sha256 === entry.sha256 && file.sizeBytes === entry.sizeBytes);
  if (same === undefined) return target === undefined ? [] : [await missingFile(context, { entry, target, inPool })];
  await linkFromPool(context, same, join(directory, entry.name));
  return [];
}

/** A name in the pool stands for one content, also after its removal. */
async function checkKnownContent(
  context: PackagerContext,
  known: { target: DistributionTarget; entry: SourceFileEntry; inPool: readonly PlacedFile[] },
): Promise<Problem[]> {
  const { target, entry, inPool } = known;
  const identity = { kind: "file", name: entry.name, version: "", architecture: "" } as const;
  const installed = await findIdentity(context.database.read, target.repositoryId, identity);
  if (installed === undefined || installed === entry.sha256) return [];

  const place = await describePlace(context, target, inPool[0]);
  return [
    {
      code: "SOURCE_FILE_CONFLICT",
      message: `${entry.name} has SHA-256 ${entry.sha256}, but repository ${target.repositoryId} knows it with ${installed}${place}`,
      hint: CONFLICT_HINT,
    },
  ];
}

/** Where it is, and which versions have it. */
async function describePlace(
  context: PackagerContext,
  target: DistributionTarget,
  file: PlacedFile | undefined,
): Promise<string> {
  if (file === undefined) return "";

  const users = await listFileUsers(context.database.read, target.repositoryId, file.path);
  return ` (${[file.path, ...(users.length === 0 ? [] : [`of ${users.join(", ")}`])].join(", ")})`;
}

async function linkFromPool(context: PackagerContext, file: PlacedFile, path: string): Promise<void> {
  // Left from an earlier run of this check.
  await rm(path, { force: true });
  await link(context.archive.contentStore.pathOf(file.sha256), path);
}

/** What is different between a listed file and another statement of it, in words; undefined when they agree. */
function describeDifference(
  listed: SourceFileEntry,
  observed: Pick<FileHashes, "sizeBytes" | "sha256"> & { md5?: string | undefined; sha1?: string | undefined },
): string | undefined {
  if (listed.sizeBytes !== observed.sizeBytes) return `${listed.sizeBytes} bytes listed, ${observed.sizeBytes} there`;
  if (listed.sha256 !== observed.sha256) return `SHA-256 ${listed.sha256} listed, ${observed.sha256} there`;
  if (observed.md5 !== undefined && listed.md5 !== observed.md5) return `MD5 ${listed.md5} listed, ${observed.md5} there`;
  if (listed.sha1 !== undefined && observed.sha1 !== undefined && listed.sha1 !== observed.sha1) {
    return `SHA-1 ${listed.sha1} listed, ${observed.sha1} there`;
  }
  return undefined;
}

function checksumProblem(name: string, lister: string, difference: string): Problem {
  return {
    code: "CHECKSUM_WRONG",
    message: `${name} is not the file that ${lister} lists: ${difference}`,
    hint: "Build the source package again (dpkg-buildpackage -S) and upload it whole",
  };
}

function notOneSource(changes: Changes, dscEntries: readonly SourceFileEntry[]): Problem {
  return {
    code: "SOURCE_MISSING",
    message: `an upload has one source package; this one lists ${dscEntries.length} .dsc files and is for ${changes.architectures.join(" ")}`,
    hint: "Upload the source: dpkg-buildpackage -S, then dput its _source.changes",
  };
}

async function missingFile(
  context: PackagerContext,
  missing: { entry: SourceFileEntry; target: DistributionTarget; inPool: readonly PlacedFile[] },
): Promise<Problem> {
  const { entry, target, inPool } = missing;
  const other = inPool[0];
  if (other === undefined) {
    return {
      code: "SOURCE_FILE_MISSING",
      message: `${entry.name} is listed in the .dsc, and is neither in the upload nor in repository ${target.repositoryId}`,
      hint: "Include it: dpkg-buildpackage -S -sa",
    };
  }
  return {
    code: "SOURCE_FILE_CONFLICT",
    message: `${entry.name} is not in the upload, and the one in repository ${target.repositoryId}${await describePlace(context, target, other)} differs: SHA-256 ${entry.sha256} listed, ${other.sha256} there`,
    hint: CONFLICT_HINT,
  };
}
