import type { BuildsTable, Transaction } from "../database/index.ts";

/** Each turn that its source package had while it waited sets a build back as if it had come this much later. */
const TURN_MS = 5 * 60 * 1000;
/** Of a longer queue only so many are compared: those that have waited longest. */
const COMPARED_MAX = 500;

type Reader = Pick<Transaction, "selectFrom">;
type Candidate = Pick<BuildsTable, "id" | "upload_id" | "priority" | "not_before" | "created_at">;

/**
 * The waiting build to be leased next: of the highest priority, the one that has waited longest; but a source package
 * that sends many builds takes turns with the others. A turn weighs a bounded time, so nothing waits for ever.
 */
export async function findNextBuild(
  db: Reader,
  { architectures, now }: { readonly architectures: readonly string[]; readonly now: Date },
): Promise<BuildsTable | undefined> {
  const candidates = await listCandidates(db, architectures, now);
  const next = candidates.length <= 1 ? candidates[0] : await chooseFairly(db, candidates);
  if (next === undefined) return undefined;
  return db.selectFrom("builds").selectAll().where("id", "=", next.id).executeTakeFirst();
}

/** Builds that only wait for a place. */
export async function countReadyBuilds(
  db: Reader,
  { architectures, now }: { readonly architectures: readonly string[]; readonly now: Date },
): Promise<number> {
  const { count } = await db
    .selectFrom("builds")
    .select(({ fn }) => fn.countAll<number>().as("count"))
    .where("state", "=", "waiting")
    .where("not_before", "<=", now.toISOString())
    .where("architecture", "in", architectures)
    .executeTakeFirstOrThrow();
  return count;
}

async function listCandidates(db: Reader, architectures: readonly string[], now: Date): Promise<Candidate[]> {
  const rows = await db
    .selectFrom("builds")
    .select(["id", "upload_id", "priority", "not_before", "created_at"])
    .where("state", "=", "waiting")
    .where("not_before", "<=", now.toISOString())
    .where("architecture", "in", architectures)
    .orderBy("priority", "desc")
    .orderBy("not_before")
    .orderBy("created_at")
    .orderBy("id")
    .limit(COMPARED_MAX)
    .execute();
  return rows.filter(({ priority }) => priority === rows[0]?.priority);
}

async function chooseFairly(db: Reader, candidates: readonly Candidate[]): Promise<Candidate | undefined> {
  const bySource = Map.groupBy(candidates, sourceOf);
  if (bySource.size === 1) return candidates[0];

  // Of one source the first is the first: the others can only be behind it.
  const firsts = [...bySource.values()].flatMap((builds) => builds.slice(0, 1));
  const ranked = await Promise.all(
    firsts.map(async (candidate) => {
      const turns = await countTurns(db, candidate);
      return { candidate, rank: new Date(candidate.not_before).getTime() + turns * TURN_MS };
    }),
  );
  return ranked.reduce((best, other) => (other.rank < best.rank ? other : best)).candidate;
}

async function countTurns(db: Reader, candidate: Candidate): Promise<number> {
  const source = sourceOf(candidate);
  const { turns } = await db
    .selectFrom("builds")
    .select(({ fn }) => fn.countAll<number>().as("turns"))
    .where("upload_id", ">", `${source}/`)
    // "0" follows "/".
    .where("upload_id", "<", `${source}0`)
    .where("started_at", ">=", candidate.created_at)
    .executeTakeFirstOrThrow();
  return turns;
}

function sourceOf({ upload_id }: Candidate): string {
  return upload_id.split("/")[0] ?? "";
}
