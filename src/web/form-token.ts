import { randomBytes, timingSafeEqual } from "node:crypto";
import { getCookie, setCookie } from "hono/cookie";
import { AppError } from "../runtime/index.ts";
import type { PageContext } from "./web-environment.ts";

/** As the original names them: its clients log in by them. */
const COOKIE = "csrftoken";
export const FORM_TOKEN_FIELD = "csrfmiddlewaretoken";

/**
 * The token that a form of ours carries, so that no other site can send it: the session's; before there is one, what
 * the browser also has as a cookie, which other sites cannot read.
 */
export function formToken(c: PageContext): string {
  const { session } = c.get("visitor");
  if (session !== undefined) return session.csrfToken;

  const token = getCookie(c, COOKIE) ?? randomBytes(24).toString("base64url");
  setCookie(c, COOKIE, token, { path: "/", httpOnly: true, sameSite: "Lax", secure: isSecure(c) });
  return token;
}

/** Throws FORM_TOKEN_INVALID (forbidden). */
export function checkFormToken(c: PageContext, form: Readonly<Record<string, unknown>>): void {
  const { session } = c.get("visitor");
  const expected = session?.csrfToken ?? getCookie(c, COOKIE);
  const given = form[FORM_TOKEN_FIELD];
  if (typeof given === "string" && expected !== undefined && isEqual(given, expected)) return;

  throw new AppError({
    kind: "forbidden",
    code: "FORM_TOKEN_INVALID",
    message: "this form does not come from a page of ours, or the page is too old",
    hint: "Load the page again and fill it in again; cookies have to be allowed for this site",
  });
}

/** Over HTTPS, also behind a proxy that says so, cookies never go over anything else. */
export function isSecure(c: PageContext): boolean {
  return c.req.url.startsWith("https:") || c.req.header("x-forwarded-proto") === "https";
}

function isEqual(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));
}
