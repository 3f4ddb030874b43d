import { type Kysely, sql } from "kysely";
import { AppError, assert, type Clock, type Logger } from "../runtime/index.ts";
import { type EngineKind, migrationChecksum, renderStatements, type SchemaMigration } from "./migration.ts";
import type { Schema, SchemaMigrationsTable } from "./schema.ts";

export interface MigrateOptions {
  readonly write: Kysely<Schema>;
  readonly engine: EngineKind;
  readonly migrations: readonly SchemaMigration[];
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Bring the schema up to date: one transaction per schema migration, forward only. Safe to run by several servers at
 * once. Throws `conflict`: DATABASE_NEWER, DATABASE_MIGRATION_CHANGED.
 */
export async function migrate(options: MigrateOptions): Promise<void> {
  const { write, engine, migrations } = options;
  assertOrdered(migrations);

  await write.transaction().execute((tx) => createMigrationsTable(tx));
  if (engine === "postgres") return applyPending(options);

  // A schema migration that makes a table anew would break references to it half-way; they are checked before its commit.
  await sql`pragma foreign_keys = off`.execute(write);
  try {
    await applyPending(options);
  } finally {
    await sql`pragma foreign_keys = on`.execute(write);
  }
}

async function createMigrationsTable(tx: Kysely<Schema>): Promise<void> {
  await sql`create table if not exists schema_migrations (
    id integer primary key, name text not null, checksum text not null, applied_at text not null)`.execute(tx);
}

async function applyPending(options: MigrateOptions): Promise<void> {
  for (const migration of options.migrations) {
    await options.write.transaction().execute(async (tx) => {
      const applied = await tx.selectFrom("schema_migrations").selectAll().orderBy("id").execute();
      refuseUnlessKnown(applied, options.migrations);
      if (applied.some(({ id }) => id === migration.id)) return;

      await apply(tx, migration, options);
    });
  }
}

async function apply(tx: Kysely<Schema>, migration: SchemaMigration, options: MigrateOptions): Promise<void> {
  for (const statement of renderStatements(migration, options.engine)) await sql.raw(statement).execute(tx);
  if (options.engine === "sqlite") await checkReferences(tx, migration);

  await tx
    .insertInto("schema_migrations")
    .values({
      id: migration.id,
      name: migration.name,
      checksum: migrationChecksum(migration),
      applied_at: options.clock.now().toISOString(),
    })
    .execute();
  options.logger.info("schema migration applied", { id: migration.id, name: migration.name });
}

async function checkReferences(tx: Kysely<Schema>, migration: SchemaMigration): Promise<void> {
  const { rows } = await sql`pragma foreign_key_check`.execute(tx);
  assert(rows.length === 0, `schema migration ${migration.id} (${migration.name}) leaves ${rows.length} broken references`);
}

function refuseUnlessKnown(applied: readonly SchemaMigrationsTable[], known: readonly SchemaMigration[]): void {
  for (const row of applied) {
    const migration = known.find(({ id }) => id === row.id);
    if (migration === undefined) throw newerDatabase(row, known);
    if (migrationChecksum(migration) !== row.checksum) throw changedMigration(row, migration);
  }
}

function newerDatabase(row: SchemaMigrationsTable, known: readonly SchemaMigration[]): AppError {
  return new AppError({
    kind: "conflict",
    code: "DATABASE_NEWER",
    message: `the database has schema migration ${row.id} (${row.name}); this program knows them up to ${known.at(-1)?.id ?? 0}`,
    hint: "A newer mini-buildd has used this database: start that version, or restore the backup from before the upgrade",
  });
}

function changedMigration(row: SchemaMigrationsTable, migration: SchemaMigration): AppError {
  return new AppError({
    kind: "conflict",
    code: "DATABASE_MIGRATION_CHANGED",
    message: `schema migration ${row.id} was applied as "${row.name}" with checksum ${row.checksum.slice(0, 12)}; this program has it as "${migration.name}" with ${migrationChecksum(migration).slice(0, 12)}`,
    hint: "This database was made by a development version or another fork: start the program that made it, or begin with a fresh home",
    facts: { applied: row.checksum, expected: migrationChecksum(migration) },
  });
}

/** Gaps are fine: numbers are given out before the work lands. */
function assertOrdered(migrations: readonly SchemaMigration[]): void {
  let last = 0;
  for (const { id } of migrations) {
    assert(id > last, `schema migration ${id} stands after ${last}`);
    last = id;
  }
}
