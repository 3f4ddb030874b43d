export type FtpDirectory = "/" | "/incoming";

export type FtpPath =
  | { readonly type: "directory"; readonly directory: FtpDirectory }
  | { readonly type: "file"; readonly name: string };

/**
 * The whole file system that a client sees: `/` and `/incoming`, and names in the latter. Nothing here touches the
 * disk; `undefined` for every path outside.
 */
export function resolveFtpPath(from: FtpDirectory, argument: string): FtpPath | undefined {
  const parts: string[] = argument.startsWith("/") || from === "/" ? [] : ["incoming"];
  for (const part of argument.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") {
      parts.pop();
    } else {
      parts.push(part);
    }
  }

  const [first, name] = parts;
  if (first === undefined) return { type: "directory", directory: "/" };
  if (first !== "incoming" || parts.length > 2) return undefined;
  if (name === undefined) return { type: "directory", directory: "/incoming" };
  return { type: "file", name };
}
