import type { Kysely } from "kysely";
import type { Schema } from "../database/index.ts";
import { portions } from "./portions.ts";

const BINNMU = /^(.*)\+b([0-9]{1,9})$/s;

/** `+bN` of a version; 0 for none. */
export function binNmuNumber(version: string): number {
  return Number(BINNMU.exec(version)?.[2] ?? 0);
}

/**
 * The highest number that a binNMU of this source package had in the repository: 0 when there was none. Also of those
 * that are long gone: a version stands for one content, for ever.
 */
export async function highestBinNmu(
  db: Kysely<Schema>,
  repositoryId: string,
  { source, version }: { readonly source: string; readonly version: string },
): Promise<number> {
  const rows = await db
    .selectFrom("binary_packages")
    .select(["name", "version"])
    .where("repository_id", "=", repositoryId)
    .where("source", "=", source)
    .where("source_version", "=", version)
    .execute();
  // A source may give its binary packages versions of their own.
  const bases = new Set([version, ...rows.map((row) => baseVersion(row.version))]);
  const names = [...new Set(rows.map(({ name }) => name))];
  let highest = 0;
  for (const some of portions(names)) {
    const identities = await db
      .selectFrom("installed_identities")
      .select("version")
      .where("repository_id", "=", repositoryId)
      .where("kind", "in", ["deb", "udeb"])
      .where("name", "in", some)
      .execute();
    const known = identities.filter((identity) => bases.has(baseVersion(identity.version)));
    highest = Math.max(highest, ...known.map((identity) => binNmuNumber(identity.version)));
  }
  return highest;
}

function baseVersion(version: string): string {
  return BINNMU.exec(version)?.[1] ?? version;
}
