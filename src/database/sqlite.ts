import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import {
  CompiledQuery,
  type DatabaseConnection,
  type DatabaseIntrospector,
  type DialectAdapter,
  type Driver,
  type Kysely,
  type QueryCompiler,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import { AppError } from "../runtime/index.ts";
import type { ClosableDialect } from "./closable-dialect.ts";
import { databaseClosed, doomedTransaction, translateEngineError } from "./engine-error.ts";
import { Mutex } from "./mutex.ts";

/** Only another process can hold the lock (ours are serialised), and none should: fail soon, since this wait blocks the event loop. */
const BUSY_TIMEOUT_MS = 2_000;
/** The write-ahead log is cut back to this after a checkpoint. */
const WAL_SIZE_BYTES_MAX = 64 * 1024 ** 2;
const CACHED_STATEMENTS_MAX = 250;
/** Kibibytes, of the connection that writes: an import touches pages all over its indexes, which SQLite's own 2 MiB write out and read again. */
const WRITER_CACHE_SIZE = 8 * 1024;
/** After so long without a use the cache is given back. */
const CACHE_KEPT_MS = 5_000;

export interface SqliteOptions {
  readonly path: string;
  readonly isReadOnly: boolean;
}

/**
 * Kysely on node:sqlite, one connection. Write transactions start with BEGIN IMMEDIATE: with a plain `begin`, a
 * transaction that reads and then writes fails at once with SQLITE_BUSY_SNAPSHOT, whatever the busy timeout.
 */
export class SqliteDialect implements ClosableDialect {
  readonly #driver: SqliteDriver;

  constructor(options: SqliteOptions) {
    this.#driver = new SqliteDriver(options);
  }

  createDriver(): Driver {
    return this.#driver;
  }

  async close(): Promise<void> {
    await this.#driver.destroy();
  }

  createQueryCompiler(): QueryCompiler {
    return new SqliteQueryCompiler();
  }

  createAdapter(): DialectAdapter {
    return new SqliteAdapter();
  }

  // oxlint-disable-next-line typescript/no-explicit-any -- the signature is Kysely's
  createIntrospector(db: Kysely<any>): DatabaseIntrospector {
    return new SqliteIntrospector(db);
  }
}

/** Open a connection with our settings; throws when one of them did not take. */
export function connectSqlite(options: SqliteOptions): DatabaseSync {
  const connection = new DatabaseSync(options.path, {
    readOnly: options.isReadOnly,
    timeout: BUSY_TIMEOUT_MS,
    enableForeignKeyConstraints: true,
  });
  try {
    if (!options.isReadOnly) {
      connection.exec(`pragma journal_mode = wal; pragma journal_size_limit = ${WAL_SIZE_BYTES_MAX}`);
      connection.exec(`pragma cache_size = -${WRITER_CACHE_SIZE}`);
    }
    // FULL: a commit that returned is on the disk. NORMAL would lose the last ones in a power cut.
    connection.exec("pragma synchronous = full; pragma temp_store = memory");
    requirePragma(connection, "journal_mode", "wal");
    requirePragma(connection, "synchronous", 2);
    requirePragma(connection, "foreign_keys", 1);
  } catch (error) {
    connection.close();
    throw error;
  }
  return connection;
}

function requirePragma(connection: DatabaseSync, name: string, expected: string | number): void {
  const observed = Object.values(connection.prepare(`pragma ${name}`).get() ?? {})[0];
  if (observed === expected) return;

  throw new AppError({
    kind: "unavailable",
    code: "DATABASE_UNSUITABLE",
    message: `SQLite has ${name} = ${String(observed)} instead of ${expected}`,
    hint: "Keep HOME/database on a local file system: network file systems cannot hold it",
  });
}

class SqliteDriver implements Driver {
  readonly #options: SqliteOptions;
  readonly #mutex = new Mutex();
  #connection: SqliteConnection | undefined;
  #release: (() => void) | undefined;
  #unusedTimer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: SqliteOptions) {
    this.#options = options;
  }

  async init(): Promise<void> {
    if (this.#isClosed) return;
    try {
      this.#connection = new SqliteConnection(connectSqlite(this.#options));
    } catch (error) {
      throw translateEngineError(error);
    }
  }

  /** There is one connection, so whoever holds it (for a query or a transaction) keeps the others waiting. */
  async acquireConnection(): Promise<DatabaseConnection> {
    const release = await this.#mutex.acquire();
    if (this.#connection === undefined) {
      release();
      throw databaseClosed();
    }
    this.#release = release;
    return this.#connection;
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw(this.#options.isReadOnly ? "begin" : "begin immediate"));
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw("commit"));
  }

  async rollbackTransaction(): Promise<void> {
    this.#connection?.rollback();
  }

  async releaseConnection(): Promise<void> {
    this.#release?.();
    this.#unusedTimer ??= setTimeout(() => void this.#giveCacheBack(), CACHE_KEPT_MS).unref();
    this.#unusedTimer.refresh();
  }

  async #giveCacheBack(): Promise<void> {
    const release = await this.#mutex.acquire();
    try {
      this.#connection?.giveCacheBack();
    } finally {
      release();
    }
  }

  async destroy(): Promise<void> {
    clearTimeout(this.#unusedTimer);
    const release = await this.#mutex.acquire();
    this.#connection?.close();
    this.#connection = undefined;
    this.#isClosed = true;
    release();
  }
}

interface CachedStatement {
  readonly statement: StatementSync;
  readonly returnsRows: boolean;
}

class SqliteConnection implements DatabaseConnection {
  readonly #connection: DatabaseSync;
  readonly #statements = new Map<string, CachedStatement>();
  /** A statement failed inside the transaction. As on PostgreSQL, only a rollback is possible then. */
  #isAborted = false;

  constructor(connection: DatabaseSync) {
    this.#connection = connection;
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    if (this.#isAborted) throw doomedTransaction(query.sql);
    try {
      return this.#execute(query);
    } catch (error) {
      this.#isAborted = this.#connection.isTransaction;
      throw translateEngineError(error);
    }
  }

  async *streamQuery<Row>(query: CompiledQuery): AsyncIterableIterator<QueryResult<Row>> {
    // Not from the cache: a statement has one cursor, and another query may use the same text meanwhile.
    const statement = this.#connection.prepare(query.sql);
    for (const row of statement.iterate(...(query.parameters as SQLInputValue[]))) yield { rows: [row as Row] };
  }

  rollback(): void {
    // SQLite rolls back by itself on some errors (disk full, I/O).
    if (this.#connection.isTransaction) this.#connection.exec("rollback");
    this.#isAborted = false;
  }

  giveCacheBack(): void {
    this.#connection.exec("pragma shrink_memory");
  }

  close(): void {
    this.#statements.clear();
    this.#connection.close();
  }

  #execute<Row>(query: CompiledQuery): QueryResult<Row> {
    const { statement, returnsRows } = this.#prepare(query.sql);
    const parameters = query.parameters as SQLInputValue[];
    if (returnsRows) return { rows: statement.all(...parameters) as Row[] };

    const { changes, lastInsertRowid } = statement.run(...parameters);
    return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
  }

  #prepare(sql: string): CachedStatement {
    const cached = this.#statements.get(sql);
    if (cached !== undefined) return cached;

    const statement = this.#connection.prepare(sql);
    const prepared = { statement, returnsRows: statement.columns().length > 0 };
    const oldest = this.#statements.keys().next().value;
    if (oldest !== undefined && this.#statements.size >= CACHED_STATEMENTS_MAX) this.#statements.delete(oldest);
    this.#statements.set(sql, prepared);
    return prepared;
  }
}
