import { join } from "node:path";
import { type InstallRequest, importDsc, installPackages, type PoolFile } from "../archive/index.ts";
import type { DistributionTarget } from "../catalog/index.ts";
import type { Transaction } from "../database/index.ts";
import { enqueueResume } from "../farm/index.ts";
import { findDscEntry, parseChanges, parseVersion } from "../formats/index.ts";
import { enqueue } from "../queue/index.ts";
import type { Problem } from "../rules/index.ts";
import { AppError } from "../runtime/index.ts";
import { advance } from "./advance.ts";
import { checkVersionOrder } from "./check-version.ts";
import { expected, importBuilt } from "./import-built.ts";
import { type AutoPorts, requestAutoPorts } from "./made-sources/auto-ports.ts";
import { findMadeSource } from "./made-sources/made-source.ts";
import { MIGRATE_MADE_JOB } from "./made-sources/migrate-made.ts";
import type { PackagerContext } from "./packager-context.ts";
import { importRebuild, installRebuild } from "./rebuilds/install-rebuild.ts";
import { isRebuild } from "./rebuilds/rebuild-channel.ts";
import { loadUpload, type Upload } from "./upload.ts";
import { uploadPath } from "./upload-paths.ts";

/**
 * Job: put source and binaries of an upload into the archive. First the bytes into the pool, then all rows, the
 * publication and the upload's state in one transaction. Safe to run twice.
 */
export async function installUpload(context: PackagerContext, uploadId: string): Promise<void> {
  const upload = await loadUpload(context.database.read, uploadId);
  if (upload.state !== "installing") return;

  try {
    const target = findTarget(context, upload);
    const install = await (isRebuild(upload) ? prepareRebuild(context, upload, target) : prepare(context, upload, target));
    await context.database.transaction(async (tx) => {
      const { state } = await loadUpload(tx, uploadId);
      if (state !== "installing") return;
      await advance(tx, upload, { type: "installed", autoPorts: await install(tx) });
      await goOnAsAsked(tx, uploadId);
      await enqueueResume(tx);
    });
    context.logger.info("upload installed", { uploadId, distribution: target.name });
  } catch (error) {
    const problem = problemOf(error);
    if (problem === undefined) throw error;
    await context.database.transaction((tx) => advance(tx, upload, { type: "failed", problems: [problem] }));
    context.logger.info("upload not installable", { uploadId, code: problem.code });
  }
}

type Install = (tx: Transaction) => Promise<AutoPorts>;

async function prepare(context: PackagerContext, upload: Upload, target: DistributionTarget): Promise<Install> {
  const request = await importEverything(context, upload, target);
  return async (tx) => {
    await refuseIfOvertaken(tx, upload, target);
    await installPackages(tx, request);
    // After it: the ports are of what is there now.
    return requestAutoPorts(context, tx, upload);
  };
}

async function prepareRebuild(context: PackagerContext, upload: Upload, target: DistributionTarget): Promise<Install> {
  const request = await importRebuild(context, upload, target);
  return async (tx) => {
    await installRebuild(tx, request);
    return {};
  };
}

/** What else was asked for when this instance made the source. */
async function goOnAsAsked(tx: Transaction, uploadId: string): Promise<void> {
  const made = await findMadeSource(tx, uploadId);
  if (made?.request.kind !== "keyring" || !made.request.migrates) return;
  const dedupeKey = `${MIGRATE_MADE_JOB} ${made.id}`;
  await enqueue(tx, { kind: MIGRATE_MADE_JOB, payload: { madeSourceId: made.id }, dedupeKey });
}

/** Served when it was accepted; the catalog may have changed since. */
function findTarget(context: PackagerContext, upload: Upload): DistributionTarget {
  const target = context.catalog().findDistribution(upload.distribution);
  if (target !== undefined) return target;

  throw new AppError({
    kind: "conflict",
    code: "DISTRIBUTION_GONE",
    message: `distribution ${upload.distribution} was removed from the catalog while the upload was built`,
    hint: "Upload to another distribution",
  });
}

/** A higher version that was accepted later may have been built sooner. */
async function refuseIfOvertaken(tx: Transaction, upload: Upload, target: DistributionTarget): Promise<void> {
  const { source } = upload;
  const version = parseVersion(upload.version);
  const [problem] = await checkVersionOrder(tx, { changes: { source, version, sourceVersion: version }, target });
  if (problem !== undefined) throw new AppError({ kind: "conflict", ...problem });
}

async function importEverything(context: PackagerContext, upload: Upload, target: DistributionTarget): Promise<InstallRequest> {
  const source = await importSource(context, upload);
  const { dsc } = source.dsc;
  const built = await importBuilt(context, upload, { name: dsc.source, version: dsc.version });
  return { distribution: target.name, source, ...built };
}

async function importSource(context: PackagerContext, upload: Upload): Promise<NonNullable<InstallRequest["source"]>> {
  const changes = parseChanges(upload.changesText, upload.changesName);
  const dscEntry = findDscEntry(changes);
  if (dscEntry === undefined)
    throw new AppError({ kind: "bug", code: "INTERNAL", message: `upload ${upload.id} was accepted without a .dsc` });

  const directory = uploadPath(context, upload.id);
  const dsc = await importDsc(context.archive.contentStore, join(directory, dscEntry.name), expected(dscEntry));
  const files: PoolFile[] = [];
  for (const entry of dsc.dsc.files)
    files.push(await context.archive.contentStore.importFile(join(directory, entry.name), expected(entry)));
  return { dsc, files, section: dscEntry.section === "-" ? undefined : dscEntry.section };
}

/** The package's own faults end the upload; ours are tried again. */
function problemOf(error: unknown): Problem | undefined {
  if (!(error instanceof AppError) || !["invalid", "conflict", "not-found"].includes(error.kind)) return undefined;
  return { code: error.code, message: error.message, hint: error.hint };
}
