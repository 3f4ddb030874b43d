import {
  type CompiledQuery,
  type DatabaseConnection,
  type DatabaseIntrospector,
  type DialectAdapter,
  type Driver,
  type Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryCompiler,
  type QueryResult,
} from "kysely";
import type { types as PgTypes, Pool, PoolClient } from "pg";
import { assert } from "../runtime/index.ts";
import type { ClosableDialect } from "./closable-dialect.ts";
import { databaseClosed, doomedTransaction, translateEngineError } from "./engine-error.ts";

/** Readers at once from one process; PostgreSQL allows 100 connections in all by default. */
const READ_CONNECTIONS_MAX = 8;
const CONNECT_TIMEOUT_MS = 10_000;
/** A server that died in a transaction must not hold the writer lock of all others for ever. */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 30_000;
const LOCK_TIMEOUT_MS = 30_000;

/** The advisory lock of all write transactions ("mbdw" in ASCII). */
const WRITER_LOCK_KEY = 0x6d626477;
const BEGIN_WRITING = `begin isolation level read committed; select pg_advisory_xact_lock(${WRITER_LOCK_KEY})`;
const BEGIN_READING = "begin isolation level repeatable read read only";

export interface PostgresOptions {
  readonly connectionString: string;
  readonly isReadOnly: boolean;
}

/**
 * Kysely on pg. A write transaction first takes one advisory lock, so that write transactions of all servers run one
 * after the other, as SQLite's do. Isolation level is READ COMMITTED: every statement sees what the writer before
 * us committed, and nobody else writes.
 *
 * Not SERIALIZABLE: that aborts transactions that then must run again, so that every caller's work would have to be
 * repeatable; and ids would not be handed out in the order of commits, so that a reader of `events` who remembers the
 * last id could miss one. The price, one writer at a time, is what the embedded engine has as well.
 */
export class PostgresDialect implements ClosableDialect {
  readonly #driver: PostgresDriver;

  constructor(options: PostgresOptions) {
    this.#driver = new PostgresDriver(options);
  }

  createDriver(): Driver {
    return this.#driver;
  }

  async close(): Promise<void> {
    await this.#driver.destroy();
  }

  createQueryCompiler(): QueryCompiler {
    return new PostgresQueryCompiler();
  }

  createAdapter(): DialectAdapter {
    return new PostgresAdapter();
  }

  // oxlint-disable-next-line typescript/no-explicit-any -- the signature is Kysely's
  createIntrospector(db: Kysely<any>): DatabaseIntrospector {
    return new PostgresIntrospector(db);
  }
}

class PostgresDriver implements Driver {
  readonly #options: PostgresOptions;
  #pool: Pool | undefined;
  #isClosed = false;
  readonly #connections = new WeakMap<PoolClient, PostgresConnection>();

  constructor(options: PostgresOptions) {
    this.#options = options;
  }

  /** Kysely calls it before the first connection. pg is loaded here: most instances have no use for it. */
  async init(): Promise<void> {
    const { Pool, types } = await import("pg");
    const { connectionString, isReadOnly } = this.#options;
    this.#pool = new Pool({
      connectionString,
      max: isReadOnly ? READ_CONNECTIONS_MAX : 1,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      application_name: isReadOnly ? "mini-buildd (reads)" : "mini-buildd (writes)",
      types: { getTypeParser: (oid, format) => typeParser(types, oid, format) },
    });
    // An idle connection that breaks is dropped from the pool; the next query reports what is wrong.
    this.#pool.on("error", () => {});
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    if (this.#isClosed) throw databaseClosed();
    assert(this.#pool !== undefined, "the driver was not initialised");
    try {
      const client = await this.#pool.connect();
      return this.#connections.get(client) ?? (await this.#prepare(client));
    } catch (error) {
      throw translateEngineError(error);
    }
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    try {
      // Not executeQuery, which is timed: waiting for another writer makes no slow query.
      await (connection as PostgresConnection).command(this.#options.isReadOnly ? BEGIN_READING : BEGIN_WRITING);
    } catch (error) {
      // Begun, but without the lock.
      await this.rollbackTransaction(connection);
      throw error;
    }
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    const tag = await (connection as PostgresConnection).command("commit");
    if (tag === "COMMIT") return;

    // PostgreSQL answers COMMIT with ROLLBACK when an earlier statement had failed.
    throw doomedTransaction("commit");
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await (connection as PostgresConnection).rollback();
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    (connection as PostgresConnection).release();
  }

  async destroy(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#pool?.end();
  }

  async #prepare(client: PoolClient): Promise<PostgresConnection> {
    const connection = new PostgresConnection(client);
    client.on("error", () => connection.markBroken());
    await client.query(
      `set default_transaction_read_only = ${this.#options.isReadOnly ? "on" : "off"};
       set synchronous_commit = on;
       set idle_in_transaction_session_timeout = ${IDLE_IN_TRANSACTION_TIMEOUT_MS};
       set lock_timeout = ${LOCK_TIMEOUT_MS}`,
    );
    this.#connections.set(client, connection);
    return connection;
  }
}

class PostgresConnection implements DatabaseConnection {
  readonly #client: PoolClient;
  #isBroken = false;

  constructor(client: PoolClient) {
    this.#client = client;
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    try {
      const { rows, rowCount } = await this.#client.query(query.sql, [...query.parameters]);
      return rowCount === null ? { rows: rows as Row[] } : { rows: rows as Row[], numAffectedRows: BigInt(rowCount) };
    } catch (error) {
      throw translateEngineError(error);
    }
  }

  async *streamQuery<Row>(query: CompiledQuery): AsyncIterableIterator<QueryResult<Row>> {
    yield await this.executeQuery<Row>(query);
  }

  /** Run a statement without parameters; answers its command tag. */
  async command(sql: string): Promise<string> {
    try {
      return (await this.#client.query(sql)).command;
    } catch (error) {
      throw translateEngineError(error);
    }
  }

  async rollback(): Promise<void> {
    try {
      await this.#client.query("rollback");
    } catch {
      // The connection is gone, and its transaction with it; the error that led here is the one to report.
      this.#isBroken = true;
    }
  }

  markBroken(): void {
    this.#isBroken = true;
  }

  release(): void {
    this.#client.release(this.#isBroken);
  }
}

/** int8 and numeric, by their fixed object ids in pg_type. */
const NUMBER_TYPES: ReadonlySet<number> = new Set([20, 1700]);

/** pg returns 64-bit integers (also count) and sums as strings. We want numbers, and an error rather than a rounded one. */
type PostgresTypeId = Parameters<typeof PgTypes.getTypeParser>[0];

function typeParser(types: typeof PgTypes, oid: PostgresTypeId, format?: "text" | "binary"): (text: string) => unknown {
  if (format !== "binary" && NUMBER_TYPES.has(oid)) return parseNumber;
  return types.getTypeParser(oid, format === "binary" ? "binary" : "text") as (text: string) => unknown;
}

function parseNumber(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    throw new RangeError(`${text} is too large to be represented as a JavaScript number`);
  }
  return value;
}
