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

/** Rows read at a time. */
const PAGE_ROWS = 2_000;
/** Of one portion of a later change; parameters of its statement. */
export const PORTION_NAMES = 1_000;

/**
 * What came into a distribution and what left it between two changes. Memberships with their changes are history, so
 * the result does not depend on what is committed meanwhile. Costs what changed, not what is there. In portions that can
 * be forgotten one after the other.
 */
export async function* readChanges(db: Database, range: ChangeRange): AsyncGenerator<DistributionChanges> {
  if (range.from > 0) {
    yield* readLaterChanges(db, range);
    return;
  }
  yield { sources: await readExtraSources(db, range), binaries: [] };
  for await (const sources of readAllSources(db, range)) yield { sources, binaries: [] };
  for await (const binaries of readAllBinaries(db, range)) yield { sources: [], binaries };
}

/** Portions end between names, since all of a name is looked at together. */
async function* readLaterChanges(db: Database, range: ChangeRange): AsyncGenerator<DistributionChanges> {
  const sources = [...(await sourcesByStart(db, range)), ...(await sourcesByEnd(db, range))];
  const extra = await readExtraSources(db, range);
  yield { sources: [...uniqueRows(sources, range), ...extra], binaries: [] };
  const names = await movedNames(db, range);
  for (let index = 0; index < names.length; index += PORTION_NAMES) {
    const rows = await binariesOfNames(db, range, names.slice(index, index + PORTION_NAMES));
    yield { sources: [], binaries: rows.map((row) => withPresence(row, range)) };
  }
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

/** Of binary packages that came or went, in the order in which they came. */
async function movedNames(db: Database, range: ChangeRange): Promise<string[]> {
  const ofMoved = db
    .selectFrom("binary_memberships as members")
    .innerJoin("binary_packages as packages", "packages.id", "members.binary_package_id")
    .select(["packages.name", "members.sequence"])
    .where("members.distribution", "=", range.distribution);
  const came = await ofMoved.where("members.valid_from", ">", range.from).where("members.valid_from", "<=", range.to).execute();
  const went = await ofMoved.where("members.valid_to", ">", range.from).where("members.valid_to", "<=", range.to).execute();
  const inOrder = [...came, ...went].sort((a, b) => a.sequence - b.sequence);
  return [...new Set(inOrder.map(({ name }) => name))];
}

/** All of these names that was there at some time since a change; what came after the range is there neither before nor after. */
async function binariesOfNames(db: Database, { distribution, repositoryId, from }: ChangeRange, names: readonly string[]) {
  return (
    db
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
      // In words that no index has: SQLite would look up all that came or went, and that for each package.
      .where(sql<boolean>`coalesce(members.valid_to, ${from + 1}) > ${from}`)
      .orderBy("members.sequence")
      .execute()
  );
}
