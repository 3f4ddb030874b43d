import type { Context } from "hono";
import type { VisitorSession } from "../handlers/index.ts";
import { AppError } from "../runtime/index.ts";
import type { HttpEnvironment } from "./environment.ts";

/** Names of the token in our forms (the original's too), and for scripts. */
const TOKEN_FIELD = "csrfmiddlewaretoken";
const TOKEN_HEADER = "x-csrftoken";

/**
 * What changes something with the cookie of a login session must have been wanted: browsers send that cookie whoever
 * made them ask. A POST has the token of our forms. A GET (with `confirm`, as the original's clients do it) is taken
 * from what is no browser, or from our own pages. The control socket and API tokens are sent by nobody unasked.
 * Throws REQUEST_FORGED (forbidden).
 */
export function refuseForgedRequest(c: Context<HttpEnvironment>, body: Readonly<Record<string, unknown>>): void {
  const { session } = c.get("visitor");
  if (session === undefined) return;

  const isWanted = c.req.method === "GET" ? isFromOurselves(c) : hasToken(c, session, body);
  if (isWanted) return;
  throw new AppError({
    kind: "forbidden",
    code: "REQUEST_FORGED",
    message: "this request does not come from a page of ours, or the page is from before you logged in",
    hint: "Load the page again and repeat it there; programs send an API token instead of a cookie",
  });
}

function hasToken(c: Context<HttpEnvironment>, session: VisitorSession, body: Readonly<Record<string, unknown>>): boolean {
  return (c.req.header(TOKEN_HEADER) ?? body[TOKEN_FIELD]) === session.csrfToken;
}

/** Browsers tell the site a request came from only over HTTPS; but each names itself, and no page can change that. */
function isFromOurselves(c: Context<HttpEnvironment>): boolean {
  const site = c.req.header("sec-fetch-site");
  if (site !== undefined) return site === "same-origin";
  return c.req.header("origin") === undefined && c.req.header("user-agent")?.startsWith("Mozilla/") !== true;
}
