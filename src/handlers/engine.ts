import { cronjob, cronjobLs, reindex, remakeChroots, start, stop } from "../operations/index.ts";
import { implement } from "./implementation.ts";

export const handleStart = implement(start, (ctx) => {
  ctx.engine.start();
  return {};
});

export const handleStop = implement(stop, (ctx) => {
  ctx.engine.stop();
  return {};
});

export const handleCronjobLs = implement(cronjobLs, async (ctx) => ({ cronjobs: [...(await ctx.engine.cronjobs())] }));

export const handleCronjob = implement(cronjob, async (ctx, { id }) => {
  await ctx.engine.runCronjob(id);
  return {};
});

export const handleRemakeChroots = implement(remakeChroots, (ctx, { keys }) => ctx.engine.remakeBaseLayers(keys));

export const handleReindex = implement(reindex, async (ctx, { repositories }) => {
  await ctx.engine.republish(repositories);
  return {};
});
