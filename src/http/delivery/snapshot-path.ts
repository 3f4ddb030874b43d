import type { Problem } from "../../operations/index.ts";
import { asAppError } from "../../runtime/index.ts";

/** Makes a distribution of a repository at an instant readable; answers the instant under which it is. Throws not-found. */
export type FindSnapshot = (request: {
  readonly repositoryId: string;
  readonly distribution: string;
  readonly instant: string;
}) => Promise<{ readonly instant: string }>;

/** Where what is asked for below /repositories/<id>/snapshot/<instant>/ lies. */
export type SnapshotPlace =
  | { readonly type: "path"; readonly parts: readonly string[] }
  | { readonly type: "elsewhere"; readonly parts: readonly string[] }
  | ({ readonly type: "nothing"; readonly status: number } & Problem);

const INSTANT = /^\d{8}T\d{6}Z$/;
const NO_INSTANT = {
  type: "nothing",
  status: 404,
  code: "PATH_NOT_FOUND",
  message: "this is no distribution as it was at an instant",
  hint: "They are at /repositories/<id>/snapshot/<instant>/dists/<distribution>/, with an instant like 20261122T130513Z, in UTC",
} as const;

/** Indexes are made when somebody asks for them; files of the pool are the repository's own, at any instant. */
export async function placeSnapshot(findSnapshot: FindSnapshot | undefined, parts: readonly string[]): Promise<SnapshotPlace> {
  const [repositoryId = "", , instant = "", what, distribution, ...rest] = parts;
  const isKnown = INSTANT.test(instant) && (what === "pool" || (what === "dists" && distribution !== undefined));
  if (findSnapshot === undefined || !isKnown) return NO_INSTANT;
  if (what === "pool") return { type: "path", parts: [repositoryId, "pool", ...parts.slice(4)] };

  try {
    const found = await findSnapshot({ repositoryId, distribution: distribution ?? "", instant });
    if (found.instant === instant) return { type: "path", parts };
    return { type: "elsewhere", parts: [repositoryId, "snapshot", found.instant, what, distribution ?? "", ...rest] };
  } catch (thrown) {
    const { kind, code, message, hint } = asAppError(thrown);
    if (kind !== "not-found" && kind !== "unavailable") throw thrown;
    return { type: "nothing", status: kind === "not-found" ? 404 : 503, code, message, hint };
  }
}

/** The address of a path below /repositories. */
export function addressOf(parts: readonly string[], hasTrailingSlash: boolean): string {
  return `/repositories/${parts.map(encodeURIComponent).join("/")}${hasTrailingSlash ? "/" : ""}`;
}
