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
    repository[location.distribution.name] = await showEntry(ctx, location);
  }
  return result;
});

async function showEntry(ctx: OperationContext, location: SourceLocation): Promise<Result[string][string]> {
  const { repository, distribution, newest, next, isMigrated } = location;
  return {
    rollbacks: rollbacksOf(location),
    ...entryOf(newest),
    dsc_path: `${repository.id}/${newest.dsc_path}`,
    changes_paths: await changesPaths(ctx.views, newest.name, newest.version),
    uploadable: distribution.isUploadable,
    ...(next !== undefined && { migrates_to: next.name, is_migrated: isMigrated }),
  };
}
