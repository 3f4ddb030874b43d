import { dputConf } from "../operations/index.ts";
import { implement } from "./implementation.ts";
import { dputConfiguration, dputNgProfile } from "./snippets.ts";

export const handleDputConf = implement(dputConf, async (ctx, args) => {
  if (args.dput_ng_profile) return dputNgProfile(ctx.instance);
  return `${args.without_global ? "" : await ctx.dputGlobal()}${dputConfiguration(ctx.instance)}`;
});
