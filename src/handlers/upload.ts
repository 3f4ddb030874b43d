import { upload } from "../operations/index.ts";
import { loadUpload } from "../views/index.ts";
import { implement } from "./implementation.ts";

export const handleUpload = implement(upload, (ctx, args) => loadUpload(ctx.views, args.upload));
