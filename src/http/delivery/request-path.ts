/** What a URL below /repositories asks for. */
export type RequestedPath =
  /** Parts below the directory of repositories; checked, decoded, none of them "..", empty or with a slash. */
  | { readonly type: "path"; readonly parts: readonly string[]; readonly hasTrailingSlash: boolean }
  | { readonly type: "malformed" }
  /** Exists perhaps, but is nobody's business: only dists/, pool/ and snapshot/ of a repository are. */
  | { readonly type: "hidden" }
  | { readonly type: "elsewhere" };

const PREFIX = "/repositories";
const SERVED = new Set(["dists", "pool", "snapshot"]);
const PARTS_MAX = 40;

/** The path of a request's URL, origin or absolute form. `+` stands for itself: this is a path, not a form. */
export function parseRequestPath(url: string): RequestedPath {
  const path = (/^https?:\/\/[^/?#]*(\/.*)$/i.exec(url)?.[1] ?? url).split(/[?#]/, 1)[0] ?? "";
  if (path !== PREFIX && !path.startsWith(`${PREFIX}/`)) return { type: "elsewhere" };

  const parts = decodeParts(path.slice(PREFIX.length));
  if (parts === undefined) return { type: "malformed" };
  if (parts.some((part) => part.startsWith(".")) || (parts[1] !== undefined && !SERVED.has(parts[1]))) return { type: "hidden" };
  return { type: "path", parts, hasTrailingSlash: path.endsWith("/") };
}

function decodeParts(path: string): string[] | undefined {
  try {
    // An APT source with a slash too many asks for "//dists": the empty part means nothing.
    const parts = path.split("/").filter((part) => part !== "");
    const decoded = parts.map((part) => decodeURIComponent(part)).filter((part) => part !== ".");
    const isClean = decoded.length <= PARTS_MAX && decoded.every((part) => part !== ".." && !/[/\0]/.test(part));
    return isClean ? decoded : undefined;
  } catch {
    return undefined;
  }
}
