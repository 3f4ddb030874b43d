/**
 * database: connections, write transactions, schema migrations and the lock on a home.
 *
 * Terms. A *write transaction* is the unit of a state change: rows, event and next job together or not at all.
 * A *schema migration* is a numbered step of the schema. A *wake-up* tells waiting readers in this process that rows
 * they may want have been committed; it carries nothing.
 *
 * Invariants, the same on both engines (SQLite in the home, PostgreSQL for several servers):
 * - Write transactions run one after the other, also between servers (docs/adr/0006-one-writer-at-a-time.md), so ids grow in the order of commits: a reader
 *   that remembers the last id misses nothing.
 * - A commit that returned is on the disk (`synchronous=FULL`; `synchronous_commit=on`).
 * - A failed statement dooms its transaction.
 * - Integers beyond 2^53 are an error, never rounded; text sorts as bytes.
 * - Each table is written by one module only (`tableOwners`); this module alone changes the schema.
 *
 * Adding a table: a new file in migrations/, its line in migrations/index.ts, its interface and owner in schema.ts.
 */

export { isUniqueViolation } from "./engine-error.ts";
export { acquireHomeLock, type HomeLock } from "./home-lock.ts";
export { insertNewRows, insertNewRowsReturning } from "./insert-rows.ts";
export type { EngineKind, SchemaMigration } from "./migration.ts";
export {
  type Database,
  type DatabaseLocation,
  type DatabaseReader,
  type OpenOptions,
  openDatabase,
  openDatabaseReader,
} from "./open.ts";
export type * from "./schema.ts";
export { tableOwners } from "./schema.ts";
export type * from "./schema-accounts.ts";
export type { Transaction } from "./transaction.ts";
export { WakeUp, type WakeUpOptions } from "./wake-up.ts";
