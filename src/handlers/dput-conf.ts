import { dputConf } from "../operations/index.ts";
import { implement } from "./implementation.ts";
import { dputConfiguration, dputNgProfile } from "./snippets.ts";

export const handleDputConf = implement(dputConf, (ctx, args) =>
  args.dput_ng_profile ? dputNgProfile(ctx.instance) : dputConfiguration(ctx.instance),
);
