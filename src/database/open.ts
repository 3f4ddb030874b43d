import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { Kysely, type LogEvent, sql } from "kysely";
import { AppError, type Clock, type Logger, makeDirectory, syncDirectory } from "../runtime/index.ts";
import { unreachableFile } from "./engine-error.ts";
import { migrate } from "./migrate.ts";
import type { EngineKind, SchemaMigration } from "./migration.ts";
import { schemaMigrations } from "./migrations/index.ts";
import { PostgresDialect } from "./postgres.ts";
import type { Schema } from "./schema.ts";
import { SqliteDialect } from "./sqlite.ts";
import { type Transaction, TransactionRunner } from "./transaction.ts";
import { WakeTopics } from "./wake-topics.ts";

/** node:sqlite blocks the event loop for as long as a query takes. */
const SLOW_QUERY_MS = 20;
const LOGGED_SQL_LENGTH_MAX = 500;

export type DatabaseLocation =
  | { readonly kind: "sqlite"; readonly path: string }
  | { readonly kind: "postgres"; readonly connectionString: string };

export interface Database {
  readonly kind: EngineKind;
  /**
   * Reads, on a connection of its own that cannot write: sees what is committed, never an open transaction. Several
   * queries over one state of the database: `read.transaction()` (short, as others wait for it on SQLite).
   */
  readonly read: Kysely<Schema>;
  /**
   * The only way to write. One at a time, also between servers; `work` runs exactly once and awaits nothing but `tx`.
   * When it throws, everything is rolled back; so it is after any failed statement, even if caught (use
   * `on conflict do nothing` instead of catching).
   */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  /** Call the listener after each commit that called `tx.wake(topic)` in this process. Returns the function that ends that. */
  onWake(topic: string, listener: () => void): () => void;
  close(): Promise<void>;
}

export interface DatabaseReader {
  readonly read: Kysely<Schema>;
  close(): Promise<void>;
}

export interface OpenOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** For tests of schema migrations. */
  readonly migrations?: readonly SchemaMigration[];
}

/**
 * Open the database and bring its schema up to date. An SQLite file is made (mode 0600) when it is missing.
 * Throws `conflict`: DATABASE_NEWER, DATABASE_MIGRATION_CHANGED, DATABASE_DAMAGED; `invalid`: DATABASE_COLLATION;
 * `unavailable`: DATABASE_UNREACHABLE, DATABASE_UNSUITABLE.
 */
export async function openDatabase(location: DatabaseLocation, options: OpenOptions): Promise<Database> {
  const { clock, logger } = options;
  if (location.kind === "sqlite") await createFile(location.path);

  const write = connect(location, { isReadOnly: false, logger });
  const read = connect(location, { isReadOnly: true, logger });
  const close = async (): Promise<void> => {
    await read.close();
    await write.close();
  };
  try {
    if (location.kind === "postgres") await requireByteOrder(read.db);
    await migrate({ write: write.db, engine: location.kind, migrations: options.migrations ?? schemaMigrations, clock, logger });
    await sql`select 1`.execute(read.db);
  } catch (error) {
    await close();
    throw error;
  }

  const wakeTopics = new WakeTopics(logger);
  const runner = new TransactionRunner({ write: write.db, clock, logger, wakeTopics });
  return {
    kind: location.kind,
    read: read.db,
    transaction: (work) => runner.run(work),
    onWake: (topic, listener) => wakeTopics.on(topic, listener),
    close,
  };
}

/** Open an existing database for reading only: for worker threads. */
export function openDatabaseReader(location: DatabaseLocation, options: { readonly logger: Logger }): DatabaseReader {
  const { db, close } = connect(location, { isReadOnly: true, logger: options.logger });
  return { read: db, close };
}

interface Connection {
  readonly db: Kysely<Schema>;
  readonly close: () => Promise<void>;
}

function connect(location: DatabaseLocation, options: { isReadOnly: boolean; logger: Logger }): Connection {
  const { isReadOnly, logger } = options;
  const dialect =
    location.kind === "sqlite"
      ? new SqliteDialect({ path: location.path, isReadOnly })
      : new PostgresDialect({ connectionString: location.connectionString, isReadOnly });
  const db = new Kysely<Schema>({ dialect, log: (event) => logSlowQuery(event, logger) });
  return { db, close: () => dialect.close() };
}

/** Parameters are not logged: they may be secrets. */
function logSlowQuery(event: LogEvent, logger: Logger): void {
  if (event.queryDurationMillis <= SLOW_QUERY_MS) return;
  logger.warn("slow query", {
    durationMs: Math.round(event.queryDurationMillis),
    sql: event.query.sql.slice(0, LOGGED_SQL_LENGTH_MAX),
  });
}

/** The file holds token hashes: nobody else may read it. SQLite gives its companion files the same mode. */
async function createFile(path: string): Promise<void> {
  try {
    await makeDirectory(dirname(path), 0o700);
    const handle = await open(path, "a", 0o600);
    await handle.close();
    await syncDirectory(dirname(path));
  } catch (error) {
    throw unreachableFile(error);
  }
}

/** Names and versions must sort as bytes, as they do on SQLite. */
async function requireByteOrder(read: Kysely<Schema>): Promise<void> {
  const { rows } = await sql<{ name: string; collation: string; encoding: string }>`
    select datname as name, datcollate as collation, pg_encoding_to_char(encoding) as encoding
    from pg_database where datname = current_database()`.execute(read);
  const [observed] = rows;
  if (observed === undefined || (observed.encoding === "UTF8" && /^(?:C|POSIX|C\.UTF-?8)$/i.test(observed.collation))) return;

  throw new AppError({
    kind: "invalid",
    code: "DATABASE_COLLATION",
    message: `PostgreSQL database "${observed.name}" has encoding ${observed.encoding} and collation ${observed.collation}; UTF8 and C are needed`,
    hint: "Create it with: createdb --template=template0 --encoding=UTF8 --locale=C NAME",
  });
}
