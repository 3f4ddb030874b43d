import type { Transaction } from "../database/index.ts";
import { recordEvent } from "../events/index.ts";
import { type Changes, isFileName, isPackageName, isVersion } from "../formats/index.ts";
import { type DeliveryProblem, problemOf } from "./delivery-problems.ts";
import type { QuarantineRow } from "./quarantine.ts";
import type { Refusal } from "./refusal-log.ts";

/*
 * What people hear of deliveries: REJECTED for a .changes that is not taken; `delivery` with data.outcome "waiting",
 * "duplicate", "unclaimed" or "refused" (a file
 * that was not let in) for the rest. The sender's address is in the log only: events are public.
 */

interface About {
  readonly row: QuarantineRow;
  /** Absent when it could not be read. */
  readonly changes?: Changes | undefined;
}

interface Subject {
  readonly source?: string | undefined;
  readonly version?: string | undefined;
  readonly distribution?: string | undefined;
}

export async function recordRejection(tx: Transaction, about: About & { problems: readonly DeliveryProblem[] }): Promise<void> {
  const { row, problems } = about;
  await recordEvent(tx, {
    ...subject(about),
    type: "REJECTED",
    architecture: "source",
    data: {
      error: problems.map((problem) => problem.message).join("; "),
      problems,
      changes: row.name,
      changesSha256: row.sha256,
      channel: row.channel,
    },
  });
}

export async function recordWaiting(
  tx: Transaction,
  about: About & { problems: readonly DeliveryProblem[]; expiresAt: Date },
): Promise<void> {
  const { row, problems, expiresAt } = about;
  await recordEvent(tx, {
    ...subject(about),
    type: "delivery",
    data: { outcome: "waiting", problems, until: expiresAt.toISOString(), changes: row.name, channel: row.channel },
  });
}

export async function recordDuplicate(tx: Transaction, about: About & { uploadId: string }): Promise<void> {
  const { row, uploadId } = about;
  await recordEvent(tx, {
    ...subject(about),
    type: "delivery",
    uploadId,
    data: {
      outcome: "duplicate",
      reason: `${row.name} was already accepted as ${uploadId}; sending it again has no effect`,
      changes: row.name,
      changesSha256: row.sha256,
      channel: row.channel,
    },
  });
}

export async function recordUnclaimed(tx: Transaction, rows: readonly QuarantineRow[], problem: DeliveryProblem): Promise<void> {
  await recordEvent(tx, {
    type: "delivery",
    data: {
      outcome: "unclaimed",
      reason: problem.message,
      problems: [problem],
      files: rows.slice(0, 100).map((row) => ({ name: row.name, sizeBytes: row.size_bytes, sha256: row.sha256 })),
      channel: rows[0]?.channel,
    },
  });
}

export async function recordRefusal(tx: Transaction, { name, channel, error }: Refusal): Promise<void> {
  const isGoodName = name !== undefined && isFileName(name);
  await recordEvent(tx, {
    ...(isGoodName ? subjectOfName(name) : {}),
    type: "delivery",
    data: {
      outcome: "refused",
      reason: error.message,
      problems: [problemOf(error)],
      file: isGoodName ? name : undefined,
      channel,
    },
  });
}

/** What the .changes says, else what its name tells: the uploader must find the event again. */
function subject({ row, changes }: About): Subject {
  if (changes === undefined) return subjectOfName(row.name);
  return { source: changes.source, version: changes.version, distribution: changes.distribution };
}

function subjectOfName(name: string): Subject {
  const [, source, version] = /^([^_]+)_([^_]+)_[^_]+\.changes$/.exec(name) ?? [];
  return {
    source: source !== undefined && isPackageName(source) ? source : undefined,
    version: version !== undefined && isVersion(version) ? version : undefined,
  };
}
