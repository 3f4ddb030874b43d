import type { KnownVersion } from "../buildorder/index.ts";
import { isPackageName } from "../formats/index.ts";
import type { Session } from "./session.ts";

/** Of one package; the newest come first. */
const VERSIONS_MAX = 3;
const PACKAGES_MAX = 20;

/** What the session's APT knows of the packages of some relations: for people who wonder why a build waits. */
export async function findKnownVersions(session: Session, relations: readonly string[]): Promise<KnownVersion[]> {
  const names = [...new Set(relations.map((relation) => relation.split(/[ :(]/)[0] ?? ""))].filter(isPackageName);
  if (names.length === 0) return [];
  const ended = await session.run({ argv: ["apt-cache", "madison", "--", ...names.slice(0, PACKAGES_MAX)] });
  return ended.exitCode === 0 ? parseMadison(ended.stdout.toString("utf8")) : [];
}

/** `libfoo-dev | 1.2-1 | http://deb.example.org trixie/main amd64 Packages`, newest first. */
export function parseMadison(output: string): KnownVersion[] {
  const rows = output.split("\n").map((line) => line.split("|").map((cell) => cell.trim()));
  const found = rows.flatMap(([name = "", version = "", from = ""]) => {
    const [, suite = ""] = from.split(" ");
    return from.endsWith(" Packages") ? [{ name, version, from: suite }] : [];
  });
  return [...Map.groupBy(found, ({ name }) => name).values()].flatMap((versions) => versions.slice(0, VERSIONS_MAX));
}
