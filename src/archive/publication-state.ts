import type { Transaction } from "../database/index.ts";
import { recordEvent } from "../events/index.ts";
import { assert } from "../runtime/index.ts";

/**
 * pending: a change of the distribution waits to be seen, or is being rendered. Entered with the change, in its
 * transaction. Left when the generation is what readers see; a crash or error before leaves it pending.
 * published: readers saw this generation, or see it. Final.
 */
export const PUBLICATION_STATES = {
  pending: ["published"],
  published: [],
} as const satisfies Record<string, readonly string[]>;

type PublicationState = keyof typeof PUBLICATION_STATES;

/** Woken when a publication becomes pending. */
export const PUBLICATIONS_TOPIC = "publications";

/** Have a distribution published as of now or later. At most one publication is pending: changes meanwhile join it. */
export async function requestPublication(tx: Transaction, distribution: string, change: number): Promise<void> {
  const pending = await tx
    .selectFrom("publications")
    .select("generation")
    .where("distribution", "=", distribution)
    .where("state", "=", "pending")
    .executeTakeFirst();
  if (pending !== undefined) return;

  const { newest } = await tx
    .selectFrom("publications")
    .select((builder) => builder.fn.max("generation").as("newest"))
    .where("distribution", "=", distribution)
    .executeTakeFirstOrThrow();
  const generation = (newest ?? 0) + 1;
  await tx
    .insertInto("publications")
    .values({
      distribution,
      generation,
      state: "pending",
      change,
      release_date: null,
      requested_at: tx.now().toISOString(),
      published_at: null,
      duration_ms: null,
    })
    .execute();
  await recordEvent(tx, { type: "publication-state", distribution, data: { from: null, to: "pending", generation, change } });
  tx.wake(PUBLICATIONS_TOPIC);
}

export interface PublishedOutcome {
  readonly distribution: string;
  readonly generation: number;
  readonly change: number;
  readonly releaseDate: Date;
  readonly durationMs: number;
}

/** The only way out of pending. What changed while the generation was made is requested at once. */
export async function advancePublication(tx: Transaction, outcome: PublishedOutcome): Promise<void> {
  const { distribution, generation, change, releaseDate, durationMs } = outcome;
  const row = await tx
    .selectFrom("publications")
    .innerJoin("distributions", "distributions.name", "publications.distribution")
    .select(["state", "distributions.change as currentChange"])
    .where("distribution", "=", distribution)
    .where("generation", "=", generation)
    .executeTakeFirstOrThrow();
  const allowed: readonly string[] = PUBLICATION_STATES[row.state as PublicationState];
  assert(allowed.includes("published"), `publication ${distribution} ${generation} cannot become published from ${row.state}`);

  await tx
    .updateTable("publications")
    .set({ state: "published", change, published_at: tx.now().toISOString(), duration_ms: Math.round(durationMs) })
    .where("distribution", "=", distribution)
    .where("generation", "=", generation)
    .execute();
  await recordEvent(tx, {
    type: "publication-state",
    distribution,
    data: { from: "pending", to: "published", generation, change, releaseDate: releaseDate.toISOString() },
  });
  if (row.currentChange > change) await requestPublication(tx, distribution, row.currentChange);
}
