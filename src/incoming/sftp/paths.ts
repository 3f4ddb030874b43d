import { resolveFtpPath } from "../ftp/paths.ts";

export type SftpPath =
  | { readonly type: "directory"; readonly path: "/" | "/incoming" }
  | { readonly type: "file"; readonly path: string; readonly name: string };

/** As in FTP; who logs in is in /incoming. */
export function resolveSftpPath(path: string): SftpPath | undefined {
  const found = resolveFtpPath("/incoming", path);
  if (found === undefined) return undefined;
  if (found.type === "directory") return { type: "directory", path: found.directory };
  return { type: "file", path: `/incoming/${found.name}`, name: found.name };
}
