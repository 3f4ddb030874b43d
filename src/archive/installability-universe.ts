import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Kysely } from "kysely";
import type { Schema } from "../database/index.ts";
import { compareVersions, formatRelations, parseRelations, type Version } from "../formats/index.ts";
import { dependsOf, RelationIndex, readStripped, stripStanzas } from "./relation-index.ts";

/** Travels to another process. */
export interface UniverseRequest {
  /** Empty; for the files. */
  readonly directory: string;
  readonly cachePath: string;
  /** Lists of the base archive. */
  readonly basePaths: readonly string[];
  readonly distribution: string;
  /** What the distribution held at this change is "before". */
  readonly change: number;
  readonly architecture: string;
  /** Binary packages that come. */
  readonly entering: readonly number[];
  /** Versions of source packages that go. */
  readonly leaving: readonly { readonly source: string; readonly version: string }[];
}

/** Input of dose-debcheck. */
export interface PackageSet {
  /** Binary packages of the newest version of each source package: those that are judged. */
  readonly foregroundPath: string;
  /** What they may be installed with: kept older packages, and the base archive. */
  readonly backgroundPath: string;
  readonly judged: readonly JudgedPackage[];
}

export interface JudgedPackage {
  readonly name: string;
  readonly version: string;
  readonly source: string;
  readonly sourceVersion: string;
}

export interface Universe {
  readonly before: PackageSet;
  readonly after: PackageSet;
}

interface OwnPackage extends JudgedPackage {
  readonly id: number;
  readonly stanza: string;
}

/** Write what the distribution holds before and after the movement, and what of the base archive can matter. */
export async function writeUniverse(db: Kysely<Schema>, request: UniverseRequest): Promise<Universe> {
  const before = await ownPackages(db, request);
  const entering = await enteringPackages(db, request, before);
  const isLeaving = ({ source, sourceVersion }: OwnPackage): boolean =>
    request.leaving.some((gone) => gone.source === source && gone.version === sourceVersion);
  const after = [...before.filter((own) => !isLeaving(own)), ...entering];

  const index = new RelationIndex();
  for (const path of request.basePaths) index.add(await readStripped(path, request.cachePath));
  const all = [...before, ...entering];
  // The base's packages of our names too: either may be installed.
  const base = index.cone(all.flatMap(({ name, stanza }) => [name, dependsOf(stanza)]));
  return {
    before: await writeSet(before, base, join(request.directory, "before")),
    after: await writeSet(after, base, join(request.directory, "after")),
  };
}

const COLUMNS = [
  "packages.id",
  "packages.name",
  "packages.version",
  "packages.source",
  "packages.source_version",
  "packages.stanza",
] as const;

async function ownPackages(db: Kysely<Schema>, { distribution, change, architecture }: UniverseRequest): Promise<OwnPackage[]> {
  const rows = await db
    .selectFrom("binary_packages as packages")
    .innerJoin("binary_memberships as members", "members.binary_package_id", "packages.id")
    .select(COLUMNS)
    .where("members.distribution", "=", distribution)
    .where("members.valid_from", "<=", change)
    .where((where) => where.or([where("members.valid_to", "is", null), where("members.valid_to", ">", change)]))
    .where("packages.kind", "=", "deb")
    .where("packages.architecture", "in", ["all", architecture])
    .execute();
  return rows.map(ownPackage);
}

async function enteringPackages(
  db: Kysely<Schema>,
  { entering, architecture }: UniverseRequest,
  there: readonly OwnPackage[],
): Promise<OwnPackage[]> {
  if (entering.length === 0) return [];
  const rows = await db
    .selectFrom("binary_packages as packages")
    .select(COLUMNS)
    .where("packages.id", "in", entering)
    .where("packages.kind", "=", "deb")
    .where("packages.architecture", "in", ["all", architecture])
    .execute();
  return rows.filter(({ id }) => !there.some((own) => own.id === id)).map(ownPackage);
}

function ownPackage(row: {
  id: number;
  name: string;
  version: string;
  source: string;
  source_version: string;
  stanza: string;
}): OwnPackage {
  const { id, name, version, source, source_version: sourceVersion } = row;
  return { id, name, version, source, sourceVersion, stanza: readableStanza(stripStanzas(`${row.stanza}\n`).trim()) };
}

/** Of each name the newest; in front those of each source package's newest version. */
async function writeSet(own: readonly OwnPackage[], base: readonly string[], path: string): Promise<PackageSet> {
  const newestSources = new Map<string, string>();
  for (const { source, sourceVersion } of own) {
    const known = newestSources.get(source);
    if (known === undefined || isNewer(sourceVersion, known)) newestSources.set(source, sourceVersion);
  }
  const newest = new Map<string, OwnPackage>();
  for (const candidate of own) {
    const known = newest.get(candidate.name);
    if (known === undefined || isNewer(candidate.version, known.version)) newest.set(candidate.name, candidate);
  }
  const judged = [...newest.values()].filter(({ source, sourceVersion }) => newestSources.get(source) === sourceVersion);
  const kept = [...newest.values()].filter((candidate) => !judged.includes(candidate));

  const set = { foregroundPath: `${path}-foreground`, backgroundPath: `${path}-background` };
  await writeFile(set.foregroundPath, joinStanzas(judged.map(({ stanza }) => stanza)));
  await writeFile(set.backgroundPath, joinStanzas([...kept.map(({ stanza }) => stanza), ...base]));
  return { ...set, judged: judged.map(({ name, version, source, sourceVersion }) => ({ name, version, source, sourceVersion })) };
}

function isNewer(one: string, other: string): boolean {
  return compareVersions(one as Version, other as Version) > 0;
}

function joinStanzas(stanzas: readonly string[]): string {
  return stanzas.map((stanza) => `${stanza.trim()}\n\n`).join("");
}

const RELATION_FIELD = /^(Pre-Depends|Depends|Conflicts|Breaks|Provides): (.*(?:\n[ \t].*)*)$/gm;
const UNREADABLE = "mini-buildd-unreadable-relation";

/** One line a field, in words that the checker reads: one bad package must not hide the others. */
function readableStanza(stanza: string): string {
  return stanza.replaceAll(RELATION_FIELD, (_, name: string, value: string) => {
    try {
      const relations = formatRelations(parseRelations(value.replaceAll(/\n[ \t]+/g, " ")));
      return `${name}: ${relations}`;
    } catch {
      return name.endsWith("Depends") ? `${name}: ${UNREADABLE}` : `X-${name}: unreadable`;
    }
  });
}
