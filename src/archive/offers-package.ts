import type { Kysely } from "kysely";
import type { Schema } from "../database/index.ts";
import {
  compareVersions,
  fieldValue,
  parseDeb822Stanza,
  parseRelations,
  parseVersion,
  type Relation,
  type Version,
  versionSatisfies,
} from "../formats/index.ts";

export interface OfferQuestion {
  readonly repositoryId: string;
  readonly distributions: readonly string[];
  readonly architecture: string;
  readonly relation: Relation;
  /** Of what only provides the name, nothing older is looked at: that is a long look. */
  readonly providersAddedSince: Date;
}

/** Which binary package of these distributions satisfies a relation now: "libfoo-dev 2.0-1"; undefined: none. */
export async function findOffer(db: Kysely<Schema>, question: OfferQuestion): Promise<string | undefined> {
  const { relation, repositoryId, distributions, architecture, providersAddedSince } = question;
  const offered = db
    .selectFrom("binary_packages as packages")
    .innerJoin("binary_memberships as members", "members.binary_package_id", "packages.id")
    .where("members.valid_to", "is", null)
    .where("members.distribution", "in", distributions)
    .where("packages.repository_id", "=", repositoryId)
    .where("packages.kind", "=", "deb")
    .where("packages.architecture", "in", [architecture, "all"]);

  const named = await offered.select("packages.version").where("packages.name", "=", relation.name).execute();
  const version = named.map((row) => row.version as Version).find((candidate) => versionSatisfies(candidate, relation));
  if (version !== undefined) return `${relation.name} ${version}`;

  const recent = await offered
    .select(["packages.name", "packages.version", "packages.stanza"])
    .where("packages.added_at", ">=", providersAddedSince.toISOString())
    .where("packages.stanza", "like", "%Provides:%")
    .execute();
  const provider = recent.find(({ stanza }) => provides(stanza, relation));
  return provider === undefined ? undefined : `${provider.name} ${provider.version}`;
}

export interface OfferInDistribution {
  readonly distribution: string;
  readonly name: string;
  readonly version: Version;
}

/** Packages of that very name which satisfy a relation, in whatever distribution of ours; the highest version of each. */
export async function listOffers(
  db: Kysely<Schema>,
  { relation, architecture }: Pick<OfferQuestion, "relation" | "architecture">,
): Promise<OfferInDistribution[]> {
  const rows = await db
    .selectFrom("binary_packages as packages")
    .innerJoin("binary_memberships as members", "members.binary_package_id", "packages.id")
    .select(["members.distribution", "packages.name", "packages.version"])
    .where("packages.name", "=", relation.name)
    .where("packages.kind", "=", "deb")
    .where("packages.architecture", "in", [architecture, "all"])
    .where("members.valid_to", "is", null)
    .orderBy("members.distribution")
    .execute();
  const satisfying = rows
    .map((row) => ({ ...row, version: row.version as Version }))
    .filter(({ version }) => versionSatisfies(version, relation))
    .sort((a, b) => compareVersions(b.version, a.version));
  return [...Map.groupBy(satisfying, ({ distribution }) => distribution).values()].flatMap(([highest]) => highest ?? []);
}

function provides(stanza: string, relation: Relation): boolean {
  const provided = parseRelations(fieldValue(parseDeb822Stanza(stanza), "Provides") ?? "").flat();
  return provided.some(({ name, constraint }) => {
    if (name !== relation.name) return false;
    if (relation.constraint === undefined) return true;
    return constraint !== undefined && versionSatisfies(parseVersion(constraint.version), relation);
  });
}
