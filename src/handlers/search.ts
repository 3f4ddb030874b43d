import { search } from "../operations/index.ts";
import { searchSources } from "../views/index.ts";
import { implement } from "./implementation.ts";

export const handleSearch = implement(search, (ctx, args) => searchSources(ctx.views, args));
