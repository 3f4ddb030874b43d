import { ls, type ResultOf } from "../operations/index.ts";
import { findSourceLocations, type SourceLocation } from "../views/index.ts";
import { implement } from "./implementation.ts";

export const handleLs = implement(ls, async (ctx, args) => {
  const result: ResultOf<typeof ls> = {};
  for (const location of await findSourceLocations(ctx.views, args)) {
    const repository = (result[location.repository.id] ??= {});
    repository[location.distribution.name] = { rollbacks: rollbacksOf(location), ...entryOf(location.newest) };
  }
  return result;
});

export function rollbacksOf(location: SourceLocation): Record<string, ReturnType<typeof entryOf>> {
  const { distribution, older } = location;
  return Object.fromEntries(older.map(({ rollback, row }) => [`${distribution.name}-rollback${rollback}`, entryOf(row)]));
}

export function entryOf(row: SourceLocation["newest"]): { version: string; component: string; architecture: string } {
  return { version: row.version, component: row.component, architecture: "source" };
}
