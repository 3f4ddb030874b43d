import type { HostRelease } from "./host-archive.ts";

export interface PlainCatalogOptions {
  readonly lintian?: "disabled" | "ignore" | "errfail" | "warnfail";
}

/** etc/catalog.toml with repository "test", suite "unstable", that takes unsigned uploads of any version: Debian's own too. */
export function plainCatalog({ codename, architecture }: HostRelease, { lintian = "errfail" }: PlainCatalogOptions = {}): string {
  return [
    "[archive-sources.host]",
    'from = "host"',
    `[codenames.${codename}]`,
    'base = "host"',
    `architectures = ["${architecture}"]`,
    `lintian = "${lintian}"`,
    "[layouts.plain.suites.unstable]",
    "uploadable = true",
    "[repositories.test]",
    'layout = "plain"',
    `codenames = ["${codename}"]`,
    'uploads = "unsigned"',
    "",
  ].join("\n");
}
