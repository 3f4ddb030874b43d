import { readFile } from "node:fs/promises";

/** Written by Debian's distro-info-data: `12,Bookworm,bookworm,…`. */
const DISTRIBUTION_TABLES = ["/usr/share/distro-info/debian.csv", "/usr/share/distro-info/ubuntu.csv"];

/** The version of a release this machine does not run: `13` of trixie, `24.04` of noble; sid has none. */
export async function findReleaseVersion(codename: string): Promise<string | undefined> {
  for (const path of DISTRIBUTION_TABLES) {
    const text = await readFile(path, "utf8").catch(() => "");
    const version = versionInTable(text, codename);
    if (version !== undefined) return version;
  }
  return undefined;
}

/** Columns: version, name, codename, created, released, …; "24.04 LTS" counts as 24.04. A release to come has no version yet. */
export function versionInTable(table: string, codename: string): string | undefined {
  for (const line of table.split("\n")) {
    const [version = "", , series, , released = ""] = line.split(",");
    if (series === codename && released !== "") return version.split(" ")[0] || undefined;
  }
  return undefined;
}
