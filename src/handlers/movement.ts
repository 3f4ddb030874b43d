import type { MigrationAssessment } from "../archive/index.ts";
import { type MigrationHopView, migrate, migrationPreview, remove, restore, undo } from "../operations/index.ts";
import { implement } from "./implementation.ts";

export const handleMigrate = implement(migrate, async (ctx, args, caller) => {
  const { source, version, migrated, overridden } = await ctx.movement.migrate({ ...args, by: caller.name });
  return { source, version, migrated: migrated.map(({ from, to }) => ({ from, to })), overridden: overridden.map(problemView) };
});

export const handleMigrationPreview = implement(migrationPreview, async (ctx, args) => {
  const { plan, hops, problems } = await ctx.movement.preview(args);
  const { source, version } = plan;
  return { source, version, hops: hops.map((hop) => hopView(plan, hop)), problems: problems.map(problemView) };
});

export const handleRemove = implement(remove, async (ctx, args, caller) => {
  const { source, distribution, version, without_rollback: withoutRollback } = args;
  const { versions } = await ctx.movement.remove({ source, distribution, version, withoutRollback, by: caller.name });
  return { distribution, source, versions: [...versions] };
});

export const handleRestore = implement(restore, async (ctx, args, caller) => {
  const { left } = await ctx.movement.restore({ ...args, by: caller.name });
  return { ...args, left: [...left] };
});

export const handleUndo = implement(undo, async (ctx, { distribution }, caller) => {
  const { entered, left } = await ctx.movement.undo({ distribution, by: caller.name });
  return { distribution, entered: [...entered], left: [...left] };
});

type Problem = MigrationAssessment["problems"][number];

function problemView({ code, distribution, message, hint }: Problem) {
  return { code, distribution, message, ...(hint !== undefined && { hint }) };
}

function hopView(
  plan: MigrationAssessment["plan"],
  { hop, installability }: MigrationAssessment["hops"][number],
): MigrationHopView {
  return {
    from: hop.from,
    to: hop.to.settings.name,
    replaces: hop.replaced ?? null,
    comes: plan.packages.map(({ name, version, architecture }) => ({ name, version, architecture })),
    goes: [...hop.newer, ...hop.dropped],
    breaks: installability.breaks.map(({ name, version, architecture, source, reasons, isComing, waitingVersion }) => ({
      name,
      version,
      architecture,
      source,
      reasons: [...reasons],
      is_coming: isComing,
      waiting_version: waitingVersion ?? null,
    })),
    checked_architectures: [...installability.checked],
  };
}
