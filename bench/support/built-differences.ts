import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fieldValue, parseDeb822Stanzas } from "../../src/formats/index.ts";

/** Names of what differs between what two builds left, or is only in one of them. */
export async function builtDifferences(leftPath: string, rightPath: string): Promise<string[]> {
  const [left, right] = await Promise.all([describeOutput(leftPath), describeOutput(rightPath)]);
  if (left.size === 0) return ["nothing was built"];
  const names = new Set([...left.keys(), ...right.keys()]);
  return [...names].filter((name) => left.get(name) !== right.get(name));
}

/** Each binary package by its hash; the circumstances of the build as the .buildinfo has them. */
async function describeOutput(directory: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const file of await readdir(directory)) {
    const bytes = /\.(?:u?deb|ddeb|buildinfo)$/.test(file) ? await readFile(join(directory, file)) : undefined;
    if (bytes === undefined) continue;
    if (!file.endsWith(".buildinfo")) found.set(file, createHash("sha256").update(bytes).digest("hex"));
    else found.set("buildinfo", circumstancesOf(bytes));
  }
  return found;
}

function circumstancesOf(buildinfo: Buffer): string {
  const [stanza] = parseDeb822Stanzas(buildinfo);
  if (stanza === undefined) return "";
  const fields = ["Source", "Version", "Build-Architecture", "Installed-Build-Depends", "Environment"];
  // When it was built is the one thing that may differ.
  return fields.map((field) => fieldValue(stanza, field) ?? "").join("\n");
}
