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
  | { readonly type: "nothing"; readonly status: number; readonly reason: string };

const INSTANT = /^\d{8}T\d{6}Z$/;
const EXPLANATION =
  "Distributions as they were: /repositories/<id>/snapshot/<instant>/dists/<distribution>/, with an instant like 20261122T130513Z, in UTC";

/** Indexes are made when somebody asks for them; files of the pool are the repository's own, at any instant. */
export async function placeSnapshot(findSnapshot: FindSnapshot | undefined, parts: readonly string[]): Promise<SnapshotPlace> {
  const [repositoryId = "", , instant = "", what, distribution, ...rest] = parts;
  const isKnown = INSTANT.test(instant) && (what === "pool" || (what === "dists" && distribution !== undefined));
  if (findSnapshot === undefined || !isKnown) return { type: "nothing", status: 404, reason: EXPLANATION };
  if (what === "pool") return { type: "path", parts: [repositoryId, "pool", ...parts.slice(4)] };

  try {
    const found = await findSnapshot({ repositoryId, distribution: distribution ?? "", instant });
    if (found.instant === instant) return { type: "path", parts };
    return { type: "elsewhere", parts: [repositoryId, "snapshot", found.instant, what, distribution ?? "", ...rest] };
  } catch (thrown) {
    const error = asAppError(thrown);
    if (error.kind === "not-found") return { type: "nothing", status: 404, reason: describe(error) };
    if (error.kind === "unavailable") return { type: "nothing", status: 503, reason: describe(error) };
    throw thrown;
  }
}

/** The address of a path below /repositories. */
export function addressOf(parts: readonly string[], hasTrailingSlash: boolean): string {
  return `/repositories/${parts.map(encodeURIComponent).join("/")}${hasTrailingSlash ? "/" : ""}`;
}

function describe({ message, hint }: { readonly message: string; readonly hint?: string | undefined }): string {
  return hint === undefined ? message : `${message}\n${hint}`;
}
