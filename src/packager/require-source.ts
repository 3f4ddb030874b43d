import { findNewestSource, listSourceVersions, type SourceInDistribution } from "../archive/index.ts";
import type { Database } from "../database/index.ts";
import { AppError } from "../runtime/index.ts";

export interface WantedSource {
  /** What is to be done with it, for people: "port". */
  readonly act: string;
  readonly source: string;
  readonly distribution: string;
  /** Default: the newest there. */
  readonly version: string | undefined;
}

/** A source package in a distribution, as somebody asks for it. Throws `not-found` SOURCE_NOT_THERE, in the original's words. */
export async function requireSource(
  db: Database["read"],
  { act, source, distribution, version }: WantedSource,
): Promise<SourceInDistribution> {
  const found =
    version === undefined
      ? await findNewestSource(db, source, distribution)
      : (await listSourceVersions(db, source, [distribution])).find((there) => there.version === version);
  if (found !== undefined) return found;

  const name = source.slice(0, 100);
  const named = version === undefined ? name : `${name} ${version.slice(0, 100)}`;
  throw new AppError({
    kind: "not-found",
    code: "SOURCE_NOT_THERE",
    message: `Source to ${act} not found: Source '${named}' not found in '${distribution.slice(0, 200)}' distribution`,
    hint: `\`mini-buildd ls ${name}\` shows where it is, and in which versions`,
  });
}
