import type { SourceInDistribution } from "../../archive/index.ts";
import type { DistributionTarget } from "../../catalog/index.ts";
import type { Problem } from "../../rules/index.ts";
import type { Reader } from "../packager-context.ts";
import { LIVE_UPLOAD_STATES } from "../states.ts";

interface RebuildPlace {
  readonly source: SourceInDistribution;
  readonly target: DistributionTarget;
}

/** What a rebuild's version has behind the one that it is of. */
const REBUILT = /^\+(?:b|rebuilt)[0-9]+$/;

/** The same is being made, or built, already: asked for twice, it is built once. */
export async function checkRebuildUnderWay(db: Reader, { source, target }: RebuildPlace): Promise<Problem[]> {
  const made = await db
    .selectFrom("made_sources")
    .select("version")
    .where("source", "=", source.name)
    .where("distribution", "=", target.name)
    .where("state", "=", "waiting")
    .execute();
  const uploads = await db
    .selectFrom("uploads")
    .select(["id", "version"])
    .where("source", "=", source.name)
    .where("distribution", "=", target.name)
    .where("state", "in", LIVE_UPLOAD_STATES)
    .execute();
  const isRebuild = (version: string): boolean =>
    version.startsWith(source.version) && REBUILT.test(version.slice(source.version.length));
  const upload = uploads.find(({ version }) => isRebuild(version));
  const version = upload?.version ?? made.find((row) => isRebuild(row.version))?.version;
  if (version === undefined) return [];

  return [
    {
      code: "REBUILD_UNDER_WAY",
      message: `${source.name} ${version} for ${target.name} is on its way already${upload === undefined ? "" : `: ${upload.id}`}`,
      hint: "Wait for it, or cancel its builds",
    },
  ];
}
