import { type Kysely, sql } from "kysely";
import type { Schema } from "../database/index.ts";

/** A source package that was or is in a distribution. */
export interface SourceRow {
  /** Of its membership; the order in the index. */
  readonly sequence: number;
  readonly wasThere: boolean;
  readonly isThere: boolean;
  readonly component: string;
  readonly stanza: string;
}

/** A binary package that was or is in a distribution. */
export interface BinaryRow extends SourceRow {
  readonly name: string;
  readonly architecture: string;
  readonly kind: string;
  readonly section: string;
  readonly translation: string;
  /** See formatPathList; null for packages of earlier versions of this program. */
  readonly paths: Uint8Array | null;
}

export interface DistributionChanges {
  readonly sources: readonly SourceRow[];
  /** All that share their name with one that came or went: an entry in Contents goes with its last version. */
  readonly binaries: readonly BinaryRow[];
}

export interface ChangeRange {
  readonly distribution: string;
  readonly repositoryId: string;
  /** What was there as of this change is known; 0: nothing is. */
  readonly from: number;
  readonly to: number;
}

type Database = Kysely<Schema>;

/** Rows read at a time, and parameters of one statement. */
const PAGE_ROWS = 2_000;
const NAMES_PER_STATEMENT = 500;

/**
 * What came into a distribution and what left it between two changes. Memberships with their changes are history, so
 * the result does not depend on what is committed meanwhile. Costs what changed, not what is there. From nothing on, in
 * portions that can be forgotten one after the other.
 */
export async function* readChanges(db: Database, range: ChangeRange): AsyncGenerator<DistributionChanges> {
  if (range.from > 0) {
    yield await readLaterChanges(db, range);
    return;
  }
  yield { sources: await readExtraSources(db, range), binaries: [] };
  for await (const sources of readAllSources(db, range)) yield { sources, binaries: [] };
  for await (const binaries of readAllBinaries(db, range)) yield { sources: [], binaries };
}

async function readLaterChanges(db: Database, range: ChangeRange): Promise<DistributionChanges> {
  const extra = await readExtraSources(db, range);
  const moved = [...(await binariesByStart(db, range)), ...(await binariesByEnd(db, range))];
  const names = [...new Set(moved.map(({ name }) => name))];
  const rows = new Map(moved.map((row) => [row.sequence, row]));
  for (let index = 0; index < names.length; index += NAMES_PER_STATEMENT) {
    const some = names.slice(index, index + NAMES_PER_STATEMENT);
    for (const row of await stayingBinaries(db, range, some)) rows.set(row.sequence, row);
  }
  const sources = [...(await sourcesByStart(db, range)), ...(await sourcesByEnd(db, range))];
  return {
    sources: [...uniqueRows(sources, range), ...extra],
    binaries: uniqueRows([...rows.values()], range),
  };
}

interface Span {
  readonly sequence: number;
  readonly valid_from: number;
  readonly valid_to: number | null;
}

/** A row may be found by both of its ends. */
function uniqueRows<Row extends Span>(rows: readonly Row[], range: ChangeRange) {
  return [...new Map(rows.map((row) => [row.sequence, withPresence(row, range)])).values()];
}

function withPresence<Row extends Span>(row: Row, { from, to }: ChangeRange): Row & { wasThere: boolean; isThere: boolean } {
  const isThereAt = (change: number): boolean => row.valid_from <= change && (row.valid_to === null || row.valid_to > change);
  return { ...row, wasThere: from > 0 && isThereAt(from), isThere: isThereAt(to) };
}

function selectSources(db: Database, distribution: string) {
  return db
    .selectFrom("source_memberships as members")
    .innerJoin("source_packages as packages", "packages.id", "members.source_package_id")
    .select(["members.sequence", "members.valid_from", "members.valid_to", "packages.component", "packages.stanza"])
    .where("members.distribution", "=", distribution);
}

function selectBinaries(db: Database, distribution: string) {
  return db
    .selectFrom("binary_memberships as members")
    .innerJoin("binary_packages as packages", "packages.id", "members.binary_package_id")
    .leftJoin("binary_package_paths as lists", "lists.sha256", "packages.sha256")
    .select(["members.sequence", "members.valid_from", "members.valid_to", "packages.name", "packages.component"])
    .select(["packages.architecture", "packages.kind", "packages.section", "packages.stanza", "packages.translation"])
    .select("lists.paths")
    .where("members.distribution", "=", distribution);
}

/** Few at any time: a source is extra only while something was built using it and it is not there itself. */
async function readExtraSources(db: Database, range: ChangeRange): Promise<SourceRow[]> {
  const rows = await db
    .selectFrom("extra_sources as members")
    .innerJoin("source_packages as packages", "packages.id", "members.source_package_id")
    .select(["members.sequence", "members.valid_from", "members.valid_to", "packages.component", "packages.stanza"])
    .where("members.distribution", "=", range.distribution)
    .where("members.valid_from", "<=", range.to)
    .where((where) => where.or([where("members.valid_to", "is", null), where("members.valid_to", ">", range.from)]))
    .orderBy("members.sequence")
    .execute();
  return rows.map((row) => ({ ...withPresence(row, range), stanza: `${row.stanza}Extra-Source-Only: yes\n` }));
}

async function* readAllSources(db: Database, range: ChangeRange): AsyncGenerator<SourceRow[]> {
  const pages = readPages((after) =>
    selectSources(db, range.distribution)
      .where("members.sequence", ">", after)
      .where("members.valid_from", "<=", range.to)
      .where((where) => where.or([where("members.valid_to", "is", null), where("members.valid_to", ">", range.to)]))
      .orderBy("members.sequence")
      .limit(PAGE_ROWS)
      .execute(),
  );
  for await (const rows of pages) yield rows.map((row) => withPresence(row, range));
}

async function* readAllBinaries(db: Database, range: ChangeRange): AsyncGenerator<BinaryRow[]> {
  const pages = readPages((after) =>
    selectBinaries(db, range.distribution)
      .where("members.sequence", ">", after)
      .where("members.valid_from", "<=", range.to)
      .where((where) => where.or([where("members.valid_to", "is", null), where("members.valid_to", ">", range.to)]))
      .orderBy("members.sequence")
      .limit(PAGE_ROWS)
      .execute(),
  );
  for await (const rows of pages) yield rows.map((row) => withPresence(row, range));
}

async function* readPages<Row extends { readonly sequence: number }>(
  readPage: (afterSequence: number) => Promise<readonly Row[]>,
): AsyncGenerator<readonly Row[]> {
  for (let page = await readPage(-1); page.length > 0; page = await readPage(page.at(-1)?.sequence ?? 0)) {
    yield page;
    if (page.length < PAGE_ROWS) return;
  }
}

async function sourcesByStart(db: Database, { distribution, from, to }: ChangeRange) {
  return selectSources(db, distribution).where("members.valid_from", ">", from).where("members.valid_from", "<=", to).execute();
}

async function sourcesByEnd(db: Database, { distribution, from, to }: ChangeRange) {
  return selectSources(db, distribution).where("members.valid_to", ">", from).where("members.valid_to", "<=", to).execute();
}

async function binariesByStart(db: Database, { distribution, from, to }: ChangeRange) {
  return selectBinaries(db, distribution).where("members.valid_from", ">", from).where("members.valid_from", "<=", to).execute();
}

async function binariesByEnd(db: Database, { distribution, from, to }: ChangeRange) {
  return selectBinaries(db, distribution).where("members.valid_to", ">", from).where("members.valid_to", "<=", to).execute();
}

/** Of these names, what was there before and is as of the later change: it is there still, or left after it. */
async function stayingBinaries(db: Database, { distribution, repositoryId, from, to }: ChangeRange, names: readonly string[]) {
  const open = await db
    .selectFrom("binary_packages as packages")
    // Not innerJoin: SQLite would begin with all that the distribution holds.
    .crossJoin("binary_memberships as members")
    .leftJoin("binary_package_paths as lists", "lists.sha256", "packages.sha256")
    .select(["members.sequence", "members.valid_from", "members.valid_to", "packages.name", "packages.component"])
    .select(["packages.architecture", "packages.kind", "packages.section", "packages.stanza", "packages.translation"])
    .select("lists.paths")
    .where("packages.repository_id", "=", repositoryId)
    .where("packages.kind", "in", ["deb", "udeb"])
    .where("packages.name", "in", names)
    .whereRef("members.binary_package_id", "=", "packages.id")
    .where("members.distribution", "=", distribution)
    .where("members.valid_to", "is", null)
    .where("members.valid_from", "<=", from)
    .execute();
  const leftLater = await selectBinaries(db, distribution)
    .where("members.valid_to", ">", to)
    .where("members.valid_from", "<=", from)
    .where(sql<boolean>`packages.name in (${sql.join(names)})`)
    .execute();
  return [...open, ...leftLater];
}
