import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";

/** What `builder` calls the trees of builds that failed. */
const BUILD_TREE = /\.build-tree\.tar\.zst$/;
/** Source, version, timecode: below are the directories of builds. */
const DEPTH = 3;

/**
 * Build trees that are there for download: the oldest go until it is enough. `isEnough` is asked before each, with the
 * size of those that are left. Returns how many went.
 */
export async function relieveBuildTrees(
  buildsPath: string,
  isEnough: (sizeBytes: number) => Promise<boolean> | boolean,
): Promise<number> {
  const trees = (await findTrees(buildsPath)).toSorted((a, b) => a.mtimeMs - b.mtimeMs);
  let sizeBytes = trees.reduce((sum, tree) => sum + tree.sizeBytes, 0);
  let count = 0;
  for (const tree of trees) {
    if (await isEnough(sizeBytes)) break;
    await rm(tree.path, { force: true });
    sizeBytes -= tree.sizeBytes;
    count += 1;
  }
  return count;
}

interface BuildTree {
  readonly path: string;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
}

async function findTrees(buildsPath: string): Promise<BuildTree[]> {
  let directories = [buildsPath];
  for (let depth = 0; depth <= DEPTH; depth += 1) {
    const below: string[] = [];
    for (const directory of directories) below.push(...(await directoriesOf(directory)));
    directories = below;
  }
  const trees: BuildTree[] = [];
  for (const directory of directories) {
    for (const name of (await readdir(directory).catch(() => [])).filter((file) => BUILD_TREE.test(file))) {
      const path = join(directory, name);
      const stats = await stat(path).catch(() => undefined);
      if (stats !== undefined) trees.push({ path, sizeBytes: stats.size, mtimeMs: stats.mtimeMs });
    }
  }
  return trees;
}

/** One that goes meanwhile has nothing for us. */
async function directoriesOf(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith(".")).map(({ name }) => join(path, name));
}
