import { readFile } from "node:fs/promises";
import type { Database, Transaction } from "../database/index.ts";
import { type Changes, parseChanges } from "../formats/index.ts";
import { AppError, type Clock, type Limits, type Logger } from "../runtime/index.ts";
import type { UploadChannel } from "./channel.ts";
import { type Claim, matchFiles } from "./claim.ts";
import { recordDuplicate, recordRejection, recordWaiting } from "./delivery-events.ts";
import { type DeliveryProblem, isSendersFault, missingProblems, problemOf, tooLargeProblems } from "./delivery-problems.ts";
import type { Quarantine, QuarantineRow } from "./quarantine.ts";
import type { Delivery, UploadReceiver } from "./upload-receiver.ts";

export interface DeliveryContext {
  readonly database: Database;
  readonly quarantine: Quarantine;
  readonly receiver: UploadReceiver;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly logger: Logger;
}

export type DeliveryOutcome =
  | { readonly type: "accepted"; readonly uploadId: string }
  | { readonly type: "already-accepted"; readonly uploadId: string }
  | { readonly type: "rejected" }
  /** Files are missing; looked at again when one of these names comes in, and at its end of waiting. */
  | {
      readonly type: "waiting";
      readonly names: readonly string[];
      readonly expiresAt: Date;
      readonly usedIds: readonly string[];
    };

/**
 * Bring a .changes in quarantine as far as it goes now. Both protocols end here. Safe to repeat at any point: the rows
 * say what is still to be done, and they change in the same transaction as the upload or the event that they become.
 */
export async function acceptDelivery(context: DeliveryContext, row: QuarantineRow): Promise<DeliveryOutcome> {
  const changesBytes = await readFile(context.quarantine.filePath(row));
  const changes = readChanges(changesBytes, row, context.limits);
  if ("problems" in changes) return rejectDelivery(context, { row, problems: changes.problems });

  const claim = await findFiles(context, row, changes);
  const acceptedUploadId = await context.receiver.findAcceptedUpload(context.database.read, row.sha256);
  if (acceptedUploadId !== undefined) return noteDuplicate(context, { row, claim, changes, uploadId: acceptedUploadId });
  if (claim.missing.length > 0) return waitForFiles(context, { row, claim, changes });

  return receive(context, { row, claim, changes, changesBytes });
}

interface Considered {
  readonly row: QuarantineRow;
  readonly claim: Claim;
  readonly changes: Changes;
}

function readChanges(bytes: Buffer, row: QuarantineRow, limits: Limits): Changes | { problems: DeliveryProblem[] } {
  try {
    const changes = parseChanges(bytes, row.name);
    const problems = tooLargeProblems(changes, limits.uploadFileSizeBytesMax);
    return problems.length > 0 ? { problems } : changes;
  } catch (error) {
    if (error instanceof AppError && isSendersFault(error.kind)) return { problems: [problemOf(error)] };
    throw error;
  }
}

/** The names of the files that a .changes lists; undefined when it cannot be read now. */
export async function listedNames({ quarantine, limits }: DeliveryContext, row: QuarantineRow): Promise<string[] | undefined> {
  try {
    const changes = readChanges(await readFile(quarantine.filePath(row)), row, limits);
    return "problems" in changes ? [] : changes.files.map((entry) => entry.name);
  } catch {
    return undefined;
  }
}

async function findFiles(context: DeliveryContext, row: QuarantineRow, changes: Changes): Promise<Claim> {
  const candidates = await context.quarantine.findFiles(changes.files.map((entry) => entry.name));
  return matchFiles(changes.files, candidates, row);
}

async function receive(context: DeliveryContext, considered: Considered & { changesBytes: Buffer }): Promise<DeliveryOutcome> {
  const { row, claim, changes } = considered;
  const delivery = deliveryOf(context, considered);
  try {
    await context.receiver.stageUpload?.(delivery);
    return await finish(context, considered, async (tx) => {
      const { uploadId } = await context.receiver.receiveUpload(tx, delivery);
      context.logger.info("delivery accepted", { changes: row.name, uploadId, channel: row.channel, peer: row.peer });
      return { type: "accepted", uploadId };
    });
  } catch (error) {
    if (!(error instanceof AppError) || !isSendersFault(error.kind)) throw error;
    return rejectDelivery(context, { row, changes, claim, problems: [problemOf(error)] });
  }
}

function deliveryOf(context: DeliveryContext, { row, claim, changesBytes }: Considered & { changesBytes: Buffer }): Delivery {
  return {
    changesName: row.name,
    changesBytes,
    changesSha256: row.sha256,
    files: claim.claimed.map((file) => ({
      name: file.entry.name,
      sizeBytes: file.entry.sizeBytes,
      sha256: file.entry.sha256,
      quarantinePath: context.quarantine.filePath(file.row),
    })),
    channel: row.channel as UploadChannel,
    peer: row.peer,
  };
}

function noteDuplicate(context: DeliveryContext, considered: Considered & { uploadId: string }): Promise<DeliveryOutcome> {
  const { row, changes, uploadId } = considered;
  return finish(context, considered, async (tx) => {
    await recordDuplicate(tx, { row, changes, uploadId });
    context.logger.info("delivery was accepted before", { changes: row.name, uploadId, peer: row.peer });
    return { type: "already-accepted", uploadId };
  });
}

async function waitForFiles(context: DeliveryContext, considered: Considered): Promise<DeliveryOutcome> {
  const { row, claim, changes } = considered;
  const now = context.clock.now();
  if (new Date(row.expires_at) <= now) {
    return rejectDelivery(context, { row, claim, changes, problems: missingProblems(claim.missing) });
  }

  const expiresAt = waitUntil(context, considered, now);
  await context.database.transaction(async (tx) => {
    const isNews = await context.quarantine.markWaiting(tx, row, expiresAt);
    if (isNews) await recordWaiting(tx, { row, changes, problems: missingProblems(claim.missing), expiresAt });
  });
  return {
    type: "waiting",
    names: claim.missing.map((file) => file.entry.name),
    expiresAt,
    usedIds: claim.claimed.map((file) => file.row.id),
  };
}

/** When every missing file came from the same sender with other content, nothing better is to be expected. */
function waitUntil(context: DeliveryContext, { row, claim }: Considered, now: Date): Date {
  const expiresAt = new Date(row.expires_at);
  if (claim.missing.some((file) => file.other === undefined)) return expiresAt;

  const soon = new Date(now.getTime() + context.limits.deliveryMismatchTimeoutMs);
  return soon < expiresAt ? soon : expiresAt;
}

/** End a .changes in quarantine with a REJECTED event. */
async function rejectDelivery(
  context: DeliveryContext,
  rejected: { row: QuarantineRow; changes?: Changes; claim?: Claim; problems: readonly DeliveryProblem[] },
): Promise<DeliveryOutcome> {
  const { row, problems } = rejected;
  const claim = rejected.claim ?? { claimed: [], missing: [], related: [] };
  return finish(context, { row, claim }, async (tx) => {
    await recordRejection(tx, rejected);
    context.logger.warn("delivery rejected", {
      changes: row.name,
      codes: problems.map((problem) => problem.code),
      peer: row.peer,
    });
    return { type: "rejected" };
  });
}

/**
 * End a .changes that could not be looked at until its time was over. What it lists ends with it, if that can be found
 * out: else its files would be called unclaimed, although their .changes came in.
 */
export async function giveUpDelivery(context: DeliveryContext, row: QuarantineRow, problem: DeliveryProblem): Promise<void> {
  const listed = await findListed(context, row).catch(() => undefined);
  await rejectDelivery(context, { row, ...listed, problems: [problem] });
}

async function findListed(context: DeliveryContext, row: QuarantineRow): Promise<{ changes: Changes; claim: Claim } | undefined> {
  const changes = readChanges(await readFile(context.quarantine.filePath(row)), row, context.limits);
  return "problems" in changes ? undefined : { changes, claim: await findFiles(context, row, changes) };
}

/**
 * The end of a .changes in quarantine, in one transaction with what it becomes. The files it used go with it if they came
 * from its sender's address. Whatever else came under these names stays for another .changes, without a word when it
 * times out: what was to be said of it is said here.
 */
async function finish(
  context: DeliveryContext,
  { row, claim }: { row: QuarantineRow; claim: Claim },
  act: (tx: Transaction) => Promise<DeliveryOutcome>,
): Promise<DeliveryOutcome> {
  const { database, quarantine } = context;
  const used = claim.claimed.map((file) => file.row);
  const own = used.filter((file) => file.peer === row.peer);
  let gone: QuarantineRow[] = [];
  const outcome = await database.transaction(async (tx) => {
    await quarantine.requireRows(tx, [row, ...used]);
    const acted = await act(tx);
    gone = await quarantine.deleteRows(tx, [row, ...own]);
    await quarantine.markSpare(tx, claim.related);
    return acted;
  });
  await quarantine.deleteFiles(gone);
  return outcome;
}
