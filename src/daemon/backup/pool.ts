import { link, stat } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { makeDirectory } from "../../runtime/index.ts";

export interface PoolRow {
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** What the pool must hold, by a copy of the database that nobody else uses. */
export function* poolRows(databasePath: string): Generator<PoolRow> {
  const connection = new DatabaseSync(databasePath, { readOnly: true });
  try {
    for (const row of connection.prepare("select sha256, size_bytes from pool_files").iterate()) {
      yield { sha256: String(row["sha256"]), sizeBytes: Number(row["size_bytes"]) };
    }
  } finally {
    connection.close();
  }
}

/** The content's path below a home, or a backup. */
export function poolPath(root: string, { sha256 }: PoolRow): string {
  return join(root, "pool", sha256.slice(0, 2), sha256);
}

export async function hasContent(root: string, row: PoolRow): Promise<boolean> {
  const stats = await stat(poolPath(root, row)).catch(() => undefined);
  return stats?.isFile() === true && stats.size === row.sizeBytes;
}

/** Link what came into the pool meanwhile. */
export async function linkContent(home: string, staging: string, row: PoolRow): Promise<void> {
  await makeDirectory(join(staging, "pool", row.sha256.slice(0, 2)));
  await link(poolPath(home, row), poolPath(staging, row)).catch(() => {
    // Not there either: whoever asks next sees that it is missing.
  });
}
