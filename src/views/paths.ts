/** Readable and safe in a URL path: what Debian's names use besides letters and digits stays. */
export function pathOfId(id: string): string {
  return id.split("/").map(encodePathPart).join("/");
}

export function buildLogPath(buildId: string): string {
  return `/api/v1/builds/${pathOfId(buildId)}/log`;
}

/** The log as a page; with a line, the part of it that has that line; or its end. */
export function logPagePath(buildId: string, line?: number | "end"): string {
  const path = `/mini_buildd/logs/${pathOfId(buildId)}/`;
  if (line === "end") return `${path}?line=end`;
  return line === undefined ? path : `${path}?line=${line}#L${line}`;
}

/** What a build made, where the original has it. */
export function buildFilePath(buildId: string, name: string): string {
  return `/static/builds/${pathOfId(`${buildId}/${name}`)}`;
}

function encodePathPart(part: string): string {
  return encodeURIComponent(part).replaceAll("%3A", ":").replaceAll("%2B", "+");
}
