import type { Context } from "hono";
import type { Visitor } from "../handlers/index.ts";

/** What `http` has found out about a request before a page is made. */
export interface WebEnvironment {
  Variables: { visitor: Visitor };
}

export type PageContext = Context<WebEnvironment>;
