import { cancel } from "../operations/index.ts";
import { implement } from "./implementation.ts";

export const handleCancel = implement(cancel, (ctx, args, caller) => ctx.cancelBuild(args.bkey, caller));
