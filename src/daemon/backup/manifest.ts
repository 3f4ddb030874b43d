import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { AppError } from "../../runtime/index.ts";

/** The second has a dump of PostgreSQL in place of a database of SQLite. */
const FORMATS = { sqlite: 1, postgres: 2 } as const;
export const MANIFEST_NAME = "manifest.json";
/** Of the database inside a backup. */
export const DATABASE_NAMES = { sqlite: "database/mini-buildd.sqlite", postgres: "database/postgres.dump" } as const;
export type DatabaseEngine = keyof typeof DATABASE_NAMES;

const schema = z.object({
  format: z.union([z.literal(FORMATS.sqlite), z.literal(FORMATS.postgres)]),
  program: z.string(),
  createdAt: z.string(),
  databaseSha256: z.string(),
  poolFiles: z.int(),
  poolSizeBytes: z.int(),
});

/** What a backup says of itself. */
export type BackupManifest = z.infer<typeof schema>;

export async function writeManifest(
  directory: string,
  engine: DatabaseEngine,
  manifest: Omit<BackupManifest, "format">,
): Promise<void> {
  await writeFile(join(directory, MANIFEST_NAME), `${JSON.stringify({ format: FORMATS[engine], ...manifest }, undefined, 2)}\n`);
}

/** Throws BACKUP_INVALID (invalid). */
export async function readManifest(directory: string): Promise<BackupManifest> {
  try {
    return schema.parse(JSON.parse(await readFile(join(directory, MANIFEST_NAME), "utf8")));
  } catch (error) {
    throw backupInvalid("it has no manifest that this version understands", error);
  }
}

export function engineOf({ format }: BackupManifest): DatabaseEngine {
  return format === FORMATS.postgres ? "postgres" : "sqlite";
}

export function backupInvalid(what: string, cause?: unknown): AppError {
  return new AppError({
    kind: "invalid",
    code: "BACKUP_INVALID",
    message: `this is no whole backup of mini-buildd: ${what}`,
    hint: "Give a file that mini-buildd backup create wrote, by this version or an older one",
    cause,
  });
}
