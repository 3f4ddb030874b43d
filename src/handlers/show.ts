import { type ResultOf, show } from "../operations/index.ts";
import { changesPaths, findSourceLocations, type SourceLocation } from "../views/index.ts";
import type { OperationContext } from "./context.ts";
import { implement } from "./implementation.ts";
import { entryOf, rollbacksOf } from "./ls.ts";

type Result = ResultOf<typeof show>;

export const handleShow = implement(show, async (ctx, args) => {
  const locations = await findSourceLocations(ctx.views, args);
  const result: Result = {};
  for (const location of locations) {
    const repository = (result[location.repository.id] ??= {});
    repository[location.distribution.name] = await showEntry(ctx, location, locations);
  }
  return result;
});

async function showEntry(
  ctx: OperationContext,
  location: SourceLocation,
  all: readonly SourceLocation[],
): Promise<Result[string][string]> {
  const { repository, distribution, newest } = location;
  return {
    rollbacks: rollbacksOf(location),
    ...entryOf(newest),
    dsc_path: `${repository.id}/${newest.dsc_path}`,
    changes_paths: await changesPaths(ctx.views, newest.name, newest.version),
    uploadable: distribution.isUploadable,
    ...migration(location, all),
  };
}

function migration(location: SourceLocation, all: readonly SourceLocation[]): { migrates_to?: string; is_migrated?: boolean } {
  const { distribution, repository, newest } = location;
  const next = repository.distributions.find(
    (candidate) => candidate.codename === distribution.codename && candidate.suite === distribution.migratesTo,
  );
  if (next === undefined) return {};

  const there = all.find((other) => other.distribution.name === next.name);
  return { migrates_to: next.name, is_migrated: there?.newest.version === newest.version };
}
