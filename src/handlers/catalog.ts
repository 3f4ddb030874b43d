import { catalogApply, catalogPlan } from "../operations/index.ts";
import { implement } from "./implementation.ts";

export const handleCatalogPlan = implement(catalogPlan, async (ctx) => ({
  changes: [...(await ctx.planCatalog()).changes],
  applied: false,
}));

export const handleCatalogApply = implement(catalogApply, async (ctx, args, caller) => {
  const { changes } = await ctx.applyCatalog({ withLoss: args.with_loss, by: caller });
  return { changes: [...changes], applied: true };
});
