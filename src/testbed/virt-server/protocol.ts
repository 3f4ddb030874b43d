/** One request of README.virtualisation-server: words separated by blanks, each URL-encoded. */
export interface VirtRequest {
  readonly command: string;
  readonly args: readonly string[];
}

/** Undefined for an empty line. Throws URIError for a broken encoding. */
export function parseRequest(line: string): VirtRequest | undefined {
  const [command, ...args] = line
    .trim()
    .split(/\s+/)
    .filter((word) => word !== "")
    .map((word) => decodeURIComponent(word));
  return command === undefined ? undefined : { command, args };
}

/** The answer to print-execute-command: encoded so that neither comma nor blank nor line feed is left. */
export function formatCommand(argv: readonly string[]): string {
  return argv.map((word) => encodeURIComponent(word)).join(",");
}

export class ProtocolError extends Error {}

/** copyup and copydown: both paths end in a slash (directories) or neither does (files). */
export function parseCopy(args: readonly string[]): { from: string; to: string; isDirectory: boolean } {
  const [from, to] = args;
  if (args.length !== 2 || from === undefined || to === undefined) throw new ProtocolError("copyup and copydown take two paths");

  const isDirectory = from.endsWith("/");
  if (isDirectory !== to.endsWith("/")) throw new ProtocolError("paths must agree about directoryness (trailing slash)");
  return { from, to, isDirectory };
}
