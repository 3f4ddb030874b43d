import { retry } from "../operations/index.ts";
import { implement } from "./implementation.ts";

export const handleRetry = implement(retry, (ctx, args, caller) => ctx.retryUpload(args.bkey, caller));
