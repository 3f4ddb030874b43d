import { events } from "../operations/index.ts";
import { listEventViews } from "../views/index.ts";
import { implement } from "./implementation.ts";

export const handleEvents = implement(events, async (ctx, args) => ({ events: await listEventViews(ctx.views, args) }));
