import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { AppError } from "../../runtime/index.ts";

const FORMAT = 1;
export const MANIFEST_NAME = "manifest.json";
/** Of the database inside a backup. */
export const DATABASE_NAME = "database/mini-buildd.sqlite";

const schema = z.object({
  format: z.literal(FORMAT),
  program: z.string(),
  createdAt: z.string(),
  databaseSha256: z.string(),
  poolFiles: z.int(),
  poolSizeBytes: z.int(),
});

/** What a backup says of itself. */
export type BackupManifest = z.infer<typeof schema>;

export async function writeManifest(directory: string, manifest: Omit<BackupManifest, "format">): Promise<void> {
  await writeFile(join(directory, MANIFEST_NAME), `${JSON.stringify({ format: FORMAT, ...manifest }, undefined, 2)}\n`);
}

/** Throws BACKUP_INVALID (invalid). */
export async function readManifest(directory: string): Promise<BackupManifest> {
  try {
    return schema.parse(JSON.parse(await readFile(join(directory, MANIFEST_NAME), "utf8")));
  } catch (error) {
    throw backupInvalid("it has no manifest that this version understands", error);
  }
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
