import type { Kysely } from "kysely";
import type { Schema } from "../database/index.ts";
import { AppError } from "../runtime/index.ts";
import { loadDistribution } from "./distributions.ts";
import { findFirstGeneration, findGenerationAt } from "./find-generation.ts";
import { formatInstant, parseInstant } from "./instant.ts";
import { findSnapshot } from "./snapshot-state.ts";

/** What a distribution was at a point of its history. */
export interface PointInHistory {
  /** As it was asked for. */
  readonly point: string;
  readonly change: number;
  /** When readers first saw it; of a named snapshot, when it was made. */
  readonly date: Date;
}

/** In words, for hints and help. */
export const POINT_FORMS = "a snapshot's name, an instant like 20261122T130513Z (UTC), a day like 2026-11-22, or now";

const DAY = /^(\d{4})-(\d{2})-(\d{2})$/;

/**
 * A point of a distribution's history by name or instant; a day means its beginning. "now" is what is published or
 * about to be. Throws `not-found` DISTRIBUTION_UNKNOWN, POINT_UNKNOWN.
 */
export async function findPoint(db: Kysely<Schema>, distribution: string, point: string, now: Date): Promise<PointInHistory> {
  const { change } = await loadDistribution(db, distribution);
  if (point === "now") return { point, change, date: now };

  const instant = parseInstant(DAY.test(point) ? `${point.replaceAll("-", "")}T000000Z` : point);
  if (instant !== undefined) {
    const generation = await findGenerationAt(db, distribution, instant);
    if (generation !== undefined) return { point, change: generation.change, date: generation.releaseDate };
    throw pointUnknown(distribution, point, await findFirstGeneration(db, distribution));
  }

  const snapshot = await findSnapshot(db, { distribution, name: point });
  if (snapshot === undefined) throw pointUnknown(distribution, point, await findFirstGeneration(db, distribution));
  return { point, change: snapshot.change, date: snapshot.createdAt };
}

function pointUnknown(distribution: string, point: string, first: { readonly releaseDate: Date } | undefined): AppError {
  const begin = first === undefined ? "" : `; the history of ${distribution} begins at ${formatInstant(first.releaseDate)}`;
  return new AppError({
    kind: "not-found",
    code: "POINT_UNKNOWN",
    message: `${distribution} has no point ${point.slice(0, 100)} in its history`,
    hint: `Give ${POINT_FORMS}${begin}`,
    facts: { distribution, point },
  });
}
