import { AppError } from "../runtime/index.ts";

/** SQLite's primary result codes; https://www.sqlite.org/rescode.html */
const SQLITE_BUSY = 5;
const SQLITE_IOERR = 10;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_CANTOPEN = 14;
const SQLITE_NOTADB = 26;
const SQLITE_CONSTRAINT_PRIMARYKEY = 1555;
const SQLITE_CONSTRAINT_UNIQUE = 2067;

const POSTGRES_UNIQUE_VIOLATION = "23505";
/** Classes of SQLSTATE that pass: connection, resources, operator intervention, lock and idle timeouts. */
const POSTGRES_TEMPORARY = /^(?:08|53|57P0|55P03|25P03|40001|40P01)/;
const NETWORK_ERRORS: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ENOENT",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "EAI_AGAIN",
]);

interface EngineError extends Error {
  readonly code?: string;
  readonly errcode?: number;
}

/** What a driver throws, as an AppError where the world is to blame; everything else unchanged. */
export function translateEngineError(thrown: unknown): unknown {
  if (!(thrown instanceof Error) || thrown instanceof AppError) return thrown;
  const error = thrown as EngineError;
  return error.code === "ERR_SQLITE_ERROR" ? translateSqlite(error) : translatePostgres(error);
}

/** True when a statement broke a unique index or primary key. The transaction it happened in can only roll back. */
export function isUniqueViolation(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  const { code, errcode } = thrown as EngineError;
  return code === POSTGRES_UNIQUE_VIOLATION || errcode === SQLITE_CONSTRAINT_UNIQUE || errcode === SQLITE_CONSTRAINT_PRIMARYKEY;
}

/** True when SQLite refused because another connection holds the lock. */
export function isSqliteBusy(thrown: unknown): boolean {
  return thrown instanceof Error && primaryCode(thrown) === SQLITE_BUSY;
}

/** As on PostgreSQL, nothing but a rollback is possible after a statement has failed. */
export function doomedTransaction(sql: string): AppError {
  const message = "a transaction went on after a statement had failed in it";
  return new AppError({ kind: "bug", code: "INTERNAL", message, hint: "Use `on conflict` instead of catching", facts: { sql } });
}

export function databaseClosed(): AppError {
  return new AppError({ kind: "unavailable", code: "DATABASE_CLOSED", message: "the database is closed" });
}

function translateSqlite(error: EngineError): unknown {
  switch (primaryCode(error)) {
    case SQLITE_BUSY:
      return unavailable(
        "DATABASE_BUSY",
        "another process holds the database's write lock",
        "Find out who has the database file open",
        error,
      );
    case SQLITE_FULL:
      return unavailable(
        "DATABASE_FULL",
        "the disk that holds the database is full",
        "Free some space; work goes on by itself",
        error,
      );
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      return unreachableFile(error);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return new AppError({
        kind: "conflict",
        code: "DATABASE_DAMAGED",
        message: "the database file is damaged or is no database",
        hint: "Stop the daemon and restore HOME/database from a backup",
        cause: error,
      });
    default:
      return error;
  }
}

/** The embedded database's file or directory is not to be had. */
export function unreachableFile(cause: unknown): AppError {
  const hint = "Check the owner, the mode and the disk of HOME/database";
  return unavailable("DATABASE_UNREACHABLE", "the database file cannot be read or written", hint, cause);
}

function translatePostgres(error: EngineError): unknown {
  const code = error.code ?? "";
  const isTemporary =
    POSTGRES_TEMPORARY.test(code) || NETWORK_ERRORS.has(code) || /connection (?:terminated|timeout|error)/i.test(error.message);
  if (!isTemporary) return error;
  return unavailable(
    "DATABASE_UNREACHABLE",
    "the PostgreSQL server does not answer as it should",
    "Check that the PostgreSQL server runs",
    error,
  );
}

function primaryCode(error: EngineError): number | undefined {
  return error.errcode === undefined ? undefined : error.errcode & 0xff;
}

function unavailable(code: string, message: string, hint: string, cause: unknown): AppError {
  return new AppError({ kind: "unavailable", code, message, hint, cause });
}
