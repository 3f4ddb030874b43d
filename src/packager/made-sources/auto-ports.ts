import { findNewestSource } from "../../archive/index.ts";
import type { Database, Transaction } from "../../database/index.ts";
import { parseChanges, parseVersion } from "../../formats/index.ts";
import { parseUploadOptions } from "../../rules/index.ts";
import type { PackagerContext } from "../packager-context.ts";
import type { Upload } from "../upload.ts";
import { parsePortOptions, planPort } from "./plan-port.ts";
import { requestSources } from "./request-sources.ts";

/** What became of each wish, for the event: the version that will be built, or why none is. */
export type AutoPorts = Readonly<Record<string, { readonly version?: string; readonly error?: string }>>;

/**
 * The ports that an upload asks for (`auto-ports`), in the transaction that installs it. One that is not possible
 * hinders neither the upload nor the others.
 */
export async function requestAutoPorts(context: PackagerContext, tx: Transaction, upload: Upload): Promise<AutoPorts> {
  const { options } = parseUploadOptions(parseChanges(upload.changesText, upload.changesName).changes);
  const results: Record<string, { version?: string; error?: string }> = {};
  for (const to of new Set(options.common.autoPorts)) {
    results[to] = await requestAutoPort(context, tx, { upload, to });
  }
  return results;
}

async function requestAutoPort(
  context: PackagerContext,
  tx: Transaction,
  { upload, to }: { upload: Upload; to: string },
): Promise<{ version?: string; error?: string }> {
  if (context.own.openWorkshop === undefined) return { error: "this server has no testbeds, so it makes no ports" };
  const installed = await findNewestSource(tx, upload.source, upload.distribution);
  const from = context.catalog().findDistribution(upload.distribution);
  if (installed === undefined || from === undefined) return { error: `${upload.distribution} does not have it` };

  const request = {
    kind: "port",
    repositoryId: installed.repositoryId,
    of: upload.version,
    options: parsePortOptions(undefined),
  } as const;
  const question = { source: upload.source, version: parseVersion(upload.version), from, to, request };
  const { plan, problems } = await planPort(context, tx, question);
  if (plan === undefined || problems.length > 0) return { error: problems.map(({ message }) => message).join("; ") };

  await requestSources(tx, [plan], askedBy(upload.id));
  return { version: plan.version };
}

/** The ids of what was asked for so. */
export async function autoPortsOf(db: Database["read"], uploadId: string): Promise<number[]> {
  const rows = await db.selectFrom("made_sources").select("id").where("asked_by", "=", askedBy(uploadId)).orderBy("id").execute();
  return rows.map(({ id }) => id);
}

function askedBy(uploadId: string): string {
  return `auto-ports of ${uploadId}`;
}
