import { openDatabaseReader } from "../../database/index.ts";
import { AppError, createLogger, runCommand } from "../../runtime/index.ts";
import type { PoolRow } from "./pool.ts";

const TIMEOUT_MS = 24 * 60 * 60 * 1000;

/** All of the database as of one moment, in pg_dump's own format. Throws BACKUP_PG_DUMP (unavailable). */
export async function dumpPostgres(connectionString: string, to: string): Promise<void> {
  await run("pg_dump", connectionString, ["--format=custom", "--no-owner", "--no-privileges", `--file=${to}`]);
}

/**
 * All of it or nothing, into a database without tables. `replace`: what an earlier, killed restoring of ours put there goes.
 * Throws BACKUP_PG_DUMP (unavailable).
 */
export async function restorePostgres(connectionString: string, from: string, { replace }: { replace: boolean }): Promise<void> {
  const clean = replace ? ["--clean", "--if-exists"] : [];
  const options = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", ...clean];
  await run("pg_restore", connectionString, [...options, from]);
}

/** Throws HOME_NOT_EMPTY (conflict). */
export async function requireEmptyPostgres(connectionString: string): Promise<void> {
  const reader = openDatabaseReader({ kind: "postgres", connectionString }, { logger: createLogger("warn") });
  try {
    const tables = await reader.read.introspection.getTables();
    if (tables.length === 0) return;
    throw new AppError({
      kind: "conflict",
      code: "HOME_NOT_EMPTY",
      message: `the database that [database] postgres names has tables already: ${tables
        .slice(0, 3)
        .map(({ name }) => name)
        .join(", ")}`,
      hint: "Restore into an empty database: createdb --template=template0 --encoding=UTF8 --locale=C",
    });
  } finally {
    await reader.close();
  }
}

/** What the pool must hold. */
export async function postgresPoolRows(connectionString: string): Promise<PoolRow[]> {
  const reader = openDatabaseReader({ kind: "postgres", connectionString }, { logger: createLogger("warn") });
  try {
    const rows = await reader.read.selectFrom("pool_files").select(["sha256", "size_bytes"]).execute();
    return rows.map(({ sha256, size_bytes: sizeBytes }) => ({ sha256, sizeBytes }));
  } finally {
    await reader.close();
  }
}

async function run(program: "pg_dump" | "pg_restore", connectionString: string, options: readonly string[]): Promise<void> {
  const { target, password } = withoutPassword(connectionString);
  const ended = await runCommand({
    argv: [program, "--no-password", `--dbname=${target}`, ...options],
    env: password === undefined ? {} : { PGPASSWORD: password },
    timeoutMs: TIMEOUT_MS,
    keepTail: true,
    outputBytesMax: 64 * 1024,
  });
  if (ended.reason === "exited" && ended.exitCode === 0) return;

  const output = ended.stderr.toString("utf8").trim();
  throw new AppError({
    kind: "unavailable",
    code: "BACKUP_PG_DUMP",
    message:
      ended.reason === "not-started"
        ? `the program ${program} is not on this machine`
        : `${program} failed: ${output.split("\n")[0]?.slice(0, 300) ?? ended.reason}`,
    hint: "Install Debian's postgresql-client, not older than the server; look whether it reaches the server",
    facts: { output: output.slice(-2_000) },
  });
}

/** Everybody on the machine can see a program's arguments. */
function withoutPassword(connectionString: string): { readonly target: string; readonly password: string | undefined } {
  const [, before = "", password, after = ""] = /^(postgres(?:ql)?:\/\/[^:@/?#]*):([^@/?#]*)(@.*)$/.exec(connectionString) ?? [];
  if (password === undefined) return { target: connectionString, password: undefined };
  return { target: `${before}${after}`, password: decodeURIComponent(password) };
}
