const TEXT = "text/plain; charset=utf-8";
const DEB = "application/vnd.debian.binary-package";

const TYPE_OF_EXTENSION: Readonly<Record<string, string>> = {
  deb: DEB,
  udeb: DEB,
  ddeb: DEB,
  gz: "application/gzip",
  xz: "application/x-xz",
  bz2: "application/x-bzip2",
  zst: "application/zstd",
  lzma: "application/x-lzma",
  tar: "application/x-tar",
  gpg: "application/pgp-signature",
  asc: "application/pgp-signature",
  dsc: TEXT,
  changes: TEXT,
  buildinfo: TEXT,
  log: TEXT,
  txt: TEXT,
  yaml: TEXT,
};
const TEXT_NAMES = new Set(["InRelease", "Release", "Packages", "Sources"]);

const IMMUTABLE = "public, max-age=31536000, immutable";
const REVALIDATE = "no-cache";

/** Compressed indexes are sent as what they are, never with a Content-Encoding: their hash is of the compressed bytes. */
export function contentType(name: string, isByHash: boolean): string {
  if (isByHash) return "application/octet-stream";
  if (TEXT_NAMES.has(name)) return TEXT;
  return TYPE_OF_EXTENSION[name.slice(name.lastIndexOf(".") + 1)] ?? "application/octet-stream";
}

/**
 * What a cache may do. Objects under by-hash and files of the pool never change their content; everything else is
 * switched with the distribution, and a cached half of an old state beside a new one breaks `apt-get update`.
 */
export function cacheControl(parts: readonly string[]): string {
  return parts[1] === "pool" || parts.includes("by-hash") ? IMMUTABLE : REVALIDATE;
}
