import type { PageContext } from "./web-environment.ts";

/** Where to go after a form: a path of this site, never another one. The original's clients give a whole address. */
export function nextAddress(c: PageContext, asked: unknown, otherwise: string): string {
  if (typeof asked !== "string" || asked === "" || asked.length > 2_000) return otherwise;

  const host = c.req.header("host") ?? "localhost";
  const base = `${new URL(c.req.url).protocol}//${host}`;
  const parsed = URL.parse(asked, base);
  if (parsed?.host !== host || !/^https?:$/.test(parsed.protocol)) return otherwise;
  // Not the text itself: what browsers make of `/\other.example` is not what it looks like.
  return `${parsed.pathname.replace(/^\/{2,}/, "/")}${parsed.search}`;
}
