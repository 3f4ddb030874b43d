import type { Problem } from "../../rules/index.ts";
import { AppError } from "../../runtime/index.ts";

/** Nothing is done when anything speaks against it. Throws REBUILD_REFUSED (conflict) with all reasons. */
export function refuseRebuild(source: string, problems: readonly Problem[]): never {
  throw new AppError({
    kind: "conflict",
    code: "REBUILD_REFUSED",
    message: `${source.slice(0, 100)} is not rebuilt: ${problems.map(({ message }) => message).join("; ")}`,
    hint: problems[0]?.hint,
    facts: { codes: problems.map(({ code }) => code) },
  });
}
