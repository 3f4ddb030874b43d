import { cancel } from "../operations/index.ts";
import { implement } from "./implementation.ts";

export const handleCancel = implement(cancel, async (ctx, args, caller) => {
  await ctx.cancelBuild(args.bkey, caller);
  return args.bkey;
});
