import { type LsEntry, ls, type ResultOf } from "../operations/index.ts";
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

export function rollbacksOf(location: SourceLocation): Record<string, LsEntry> {
  const { distribution, older } = location;
  return Object.fromEntries(older.map(({ rollback, row }) => [`${distribution.name}-rollback${rollback}`, entryOf(row)]));
}

export function entryOf({ version, component, rebuilt }: SourceLocation["newest"]): LsEntry {
  return { version, component, architecture: "source", ...(rebuilt !== undefined && { rebuilt_version: rebuilt }) };
}
