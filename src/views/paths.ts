/** Readable and safe in a URL path: what Debian's names use besides letters and digits stays. */
export function pathOfId(id: string): string {
  return id.split("/").map(encodePathPart).join("/");
}

export function buildLogPath(buildId: string): string {
  return `/api/v1/builds/${pathOfId(buildId)}/log`;
}

function encodePathPart(part: string): string {
  return encodeURIComponent(part).replaceAll("%3A", ":").replaceAll("%2B", "+");
}
