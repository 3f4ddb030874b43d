import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { runChecked } from "../runtime/index.ts";

/** Where an APT configuration keeps its sources and keys. */
export interface AptPaths {
  readonly sourceList: string;
  readonly sourceParts: string;
  /** Keyrings for sources without Signed-By. */
  listTrustedKeyrings(): Promise<string[]>;
}

export async function readAptPaths(env: Record<string, string>): Promise<AptPaths> {
  const names = ["Dir::Etc::sourcelist/f", "Dir::Etc::sourceparts/d", "Dir::Etc::trusted/f", "Dir::Etc::trustedparts/d"];
  const argv = ["apt-config", "shell", ...names.flatMap((name, index) => [`P${index}`, name])] as [string, ...string[]];
  const { stdout } = await runChecked({ argv, env, timeoutMs: 30_000 });

  const paths = [...stdout.toString("utf8").matchAll(/^P(\d)='(.*)'$/gm)];
  const at = (index: number): string => paths.find(([, number]) => number === String(index))?.[2] ?? "";
  return { sourceList: at(0), sourceParts: at(1), listTrustedKeyrings: () => listKeyrings(at(2), at(3)) };
}

/** Files of a directory that may be missing, in APT's order. */
export async function listDirectory(path: string): Promise<string[]> {
  const names = await readdir(path).catch(() => []);
  return names.toSorted((left, right) => (left < right ? -1 : 1)).map((name) => join(path, name));
}

async function listKeyrings(trusted: string, trustedParts: string): Promise<string[]> {
  const beside = (await listDirectory(join(trusted, ".."))).filter((path) => path === trusted);
  const parts = (await listDirectory(trustedParts)).filter((path) => /\.(gpg|asc)$/.test(path));
  return [...beside, ...parts];
}
