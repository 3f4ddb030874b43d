import { readFile } from "node:fs/promises";
import { fieldValue, parseDeb822Stanzas } from "../formats/index.ts";
import { type AptPaths, listDirectory } from "./apt-paths.ts";

/** One source that APT is configured for: an archive, one suite of it, and who must have signed it. */
export interface AptEntry {
  readonly uri: string;
  readonly suite: string;
  /** Paths of keyrings, fingerprints or an armored key, as written. */
  readonly signedBy: string | undefined;
}

/** All binary sources of an APT configuration, of both styles. A file that APT itself would refuse gives nothing. */
export async function readAptEntries(paths: AptPaths): Promise<AptEntry[]> {
  const parts = await listDirectory(paths.sourceParts);
  const entries: AptEntry[] = [];
  for (const path of [paths.sourceList, ...parts]) {
    const text = await readFile(path, "utf8").catch(() => "");
    if (path.endsWith(".list")) entries.push(...parseSourcesList(text));
    if (path.endsWith(".sources")) entries.push(...parseSourcesStanzas(text, path));
  }
  return entries;
}

/** One-line style: `deb [signed-by=/path arch=amd64] URI SUITE COMPONENT…`. */
export function parseSourcesList(text: string): AptEntry[] {
  const entries: AptEntry[] = [];
  for (const line of text.split("\n")) {
    const [, options = "", uri, suite] = /^\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)/.exec(line.replace(/#.*$/, "")) ?? [];
    if (uri === undefined || suite === undefined) continue;
    const [, signedBy] = /(?:^|\s)signed-by=(\S+)/i.exec(options) ?? [];
    entries.push({ uri: uri.replace(/\/$/, ""), suite, signedBy });
  }
  return entries;
}

/** deb822 style. */
export function parseSourcesStanzas(text: string, subject: string): AptEntry[] {
  const entries: AptEntry[] = [];
  for (const stanza of parseDeb822Stanzas(text, { subject })) {
    const words = (name: string): string[] => (fieldValue(stanza, name) ?? "").split(/\s+/).filter((word) => word !== "");
    const isOff = /^(no|false|0|off|without|disable)$/i.test(fieldValue(stanza, "Enabled") ?? "yes");
    if (isOff || !words("Types").includes("deb")) continue;

    const signedBy = fieldValue(stanza, "Signed-By");
    for (const uri of words("URIs")) {
      for (const suite of words("Suites")) entries.push({ uri: uri.replace(/\/$/, ""), suite, signedBy });
    }
  }
  return entries;
}
