import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createBackup } from "../../../src/daemon/backup/create.ts";
import { restoreBackup } from "../../../src/daemon/backup/restore.ts";
import { openDatabase, openDatabaseReader } from "../../../src/database/index.ts";
import { recordEvent } from "../../../src/events/index.ts";
import { hashBytes, runCommand, silentLogger, systemClock } from "../../../src/runtime/index.ts";
import { useDatabase, useEmptyLocation } from "../../support/database.ts";

describe("a home whose database is PostgreSQL's", () => {
  const source = useDatabase("postgres");
  const emptyLocation = useEmptyLocation("postgres");
  const content = Buffer.from("what a package holds");
  const { sha256 } = hashBytes(content);

  let directory: string;
  let home: string;
  let file: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "mbd-backup-"));
    home = join(directory, "home");
    file = join(directory, "backup.tar");
    await mkdir(join(home, "etc"), { recursive: true });
    await mkdir(join(home, "pool", sha256.slice(0, 2)), { recursive: true });
    await writeFile(join(home, "pool", sha256.slice(0, 2), sha256), content);
    await writeFile(join(home, "etc/mini-buildd.toml"), settings(connectionString(source.location)));
    await source.database.transaction(async (tx) => {
      await recordEvent(tx, { type: "INSTALLED", source: "hello", version: "1.0", data: { note: "ünïcode" } });
      await sql`insert into pool_files (sha256, size_bytes, md5, sha1, sha512, added_at) values
        (${sha256}, ${content.length}, '', '', '', ${tx.now().toISOString()})`.execute(tx);
    });
  });

  afterEach(() => rm(directory, { recursive: true, force: true }));

  test("is backed up with its database, and restored into an empty one; after a kill in the middle once more", async () => {
    await createBackup({ home, file });
    const target = connectionString(emptyLocation());
    const restored = join(directory, "restored");
    const moved = await pointedAt(file, target);

    await restoreBackup({ home: restored, file: moved });
    await expectRestored(target, restored);

    // As it is when restoring is killed after the database was filled.
    await writeFile(join(restored, "restore-incomplete"), "database");
    await restoreBackup({ home: restored, file: moved });
    await expectRestored(target, restored);
  });

  test("is not restored over a database that holds something", async () => {
    await createBackup({ home, file });

    const restoring = restoreBackup({ home: join(directory, "restored"), file });

    await expect(restoring).rejects.toMatchObject({ code: "HOME_NOT_EMPTY" });
    expect(await source.database.read.selectFrom("events").select("source").execute()).toEqual([{ source: "hello" }]);
  });

  test("is not backed up when its pool lacks something", async () => {
    await rm(join(home, "pool", sha256.slice(0, 2), sha256));

    await expect(createBackup({ home, file })).rejects.toMatchObject({ code: "BACKUP_INCOMPLETE" });
  });

  test("says so when the server is not there", async () => {
    await writeFile(join(home, "etc/mini-buildd.toml"), settings("postgresql://nobody:secret-word@127.0.0.1:1/nothing"));

    const failure: unknown = await createBackup({ home, file }).catch((error: unknown) => error);

    expect(failure).toMatchObject({ code: "BACKUP_PG_DUMP", message: expect.stringContaining("pg_dump failed") });
    expect(JSON.stringify(failure)).not.toContain("secret-word");
  });

  async function expectRestored(target: string, restored: string): Promise<void> {
    const reader = openDatabaseReader({ kind: "postgres", connectionString: target }, { logger: silentLogger });
    const events = await reader.read.selectFrom("events").select(["type", "source", "data"]).execute();
    await reader.close();
    expect(events).toEqual([{ type: "INSTALLED", source: "hello", data: '{"note":"ünïcode"}' }]);
    expect(await readFile(join(restored, "pool", sha256.slice(0, 2), sha256))).toEqual(content);
    await expect(readFile(join(restored, "restore-incomplete"))).rejects.toMatchObject({ code: "ENOENT" });
    await expect(readFile(join(restored, "database/postgres.dump"))).rejects.toMatchObject({ code: "ENOENT" });
    // It counts on where it was.
    const database = await openDatabase(
      { kind: "postgres", connectionString: target },
      { clock: systemClock, logger: silentLogger },
    );
    await database.transaction((tx) => recordEvent(tx, { type: "REMOVED", source: "x", data: {} }));
    const ids = (await database.read.selectFrom("events").select("id").orderBy("id").execute()).map(({ id }) => id);
    expect(ids[1]).toBeGreaterThan(ids[0] ?? 0);
    await database.transaction((tx) => tx.deleteFrom("events").where("source", "=", "x").execute());
    await database.close();
  }

  /** The same backup with settings that name another database, as on another machine. */
  async function pointedAt(path: string, target: string): Promise<string> {
    const unpacked = join(directory, "unpacked");
    const changed = join(directory, "changed.tar");
    await mkdir(unpacked);
    await runCommand({ argv: ["tar", "--extract", `--file=${path}`, `--directory=${unpacked}`] });
    await writeFile(join(unpacked, "etc/mini-buildd.toml"), settings(target));
    await runCommand({ argv: ["tar", "--create", `--file=${changed}`, `--directory=${unpacked}`, "."] });
    return changed;
  }
});

function settings(target: string): string {
  return `[database]\npostgres = ${JSON.stringify(target)}\n`;
}

function connectionString(location: { readonly kind: string; readonly connectionString?: string }): string {
  return location.connectionString ?? "";
}
