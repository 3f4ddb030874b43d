import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Database } from "../database/index.ts";
import type { Clock } from "../runtime/index.ts";
import type { ContentStore } from "./content-store.ts";

/** An installation takes minutes; what nothing refers to after this long never became one. */
const UNREFERENCED_AGE_MS = 24 * 60 * 60 * 1000;
/** Fewer than the parameters that a statement may have. */
const BATCH_SIZE = 500;

/**
 * Delete stored content that no row refers to: of installations that failed, and of imports whose daemon was killed.
 * May run beside imports: what is being imported now stays. Returns how many files went.
 */
export async function sweepContent(database: Database, { store, clock }: { store: ContentStore; clock: Clock }): Promise<number> {
  const before = clock.now().getTime() - UNREFERENCED_AGE_MS;
  let removedCount = 0;
  for (const names of await listStored(store)) {
    for (const sha256 of await findUnreferenced(database, names)) {
      const isOld = (await stat(store.pathOf(sha256))).mtimeMs < before;
      if (isOld && (await store.discard(sha256))) removedCount += 1;
    }
  }
  return removedCount;
}

/** In batches; what is being copied in is not among them. */
async function listStored(store: ContentStore): Promise<string[][]> {
  const lists: string[][] = [];
  for (const directory of await readdir(store.rootPath, { withFileTypes: true })) {
    if (!directory.isDirectory()) continue;
    const names = await readdir(join(store.rootPath, directory.name));
    for (let start = 0; start < names.length; start += BATCH_SIZE) lists.push(names.slice(start, start + BATCH_SIZE));
  }
  return lists;
}

async function findUnreferenced(database: Database, sha256s: readonly string[]): Promise<string[]> {
  const rows = await database.read.selectFrom("pool_files").select("sha256").where("sha256", "in", sha256s).execute();
  const referenced = new Set(rows.map(({ sha256 }) => sha256));
  return sha256s.filter((sha256) => !referenced.has(sha256));
}
