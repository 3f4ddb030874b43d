import { existsSync, readdirSync } from "node:fs";
import { chown, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Client } from "pg";
import { runChecked, runCommand } from "../../src/runtime/index.ts";
import type { TestRun } from "./test-run.ts";

const SUPERUSER = "mini-buildd";
const START_TIMEOUT_MS = 120_000;
/** Debian's `nobody`, for when the tests run as root: initdb refuses that. */
const NOBODY = { uid: 65534, gid: 65534 };

/** A private PostgreSQL server, on a socket in a directory of the test run; nothing of it listens on a network. */
export interface PostgresCluster {
  connectionString(databaseName: string): string;
  /** One statement as superuser, outside a transaction. */
  administrate(statement: string): Promise<void>;
}

/** Where Debian has the newest installed server's programs; undefined without one. */
export function postgresPrograms(): string | undefined {
  const root = "/usr/lib/postgresql";
  if (!existsSync(root)) return undefined;

  const versions = readdirSync(root).toSorted((left, right) => Number(right) - Number(left));
  return versions.map((version) => join(root, version, "bin")).find((path) => existsSync(join(path, "initdb")));
}

/** The cluster of this test run. The first test file that asks starts it and runs `prepare`; the others wait for that. */
export async function sharedCluster(
  testRun: TestRun,
  prepare: (cluster: PostgresCluster) => Promise<void>,
): Promise<PostgresCluster> {
  const cluster = clusterAt(testRun.directory);
  const outcomePath = join(testRun.directory, "postgres.outcome");
  if (!(await isFirst(testRun.directory))) {
    await waitFor(outcomePath, "started");
    return cluster;
  }

  try {
    await startCluster(testRun);
    await prepare(cluster);
    await writeFile(outcomePath, "started");
  } catch (error) {
    await writeFile(outcomePath, `failed: ${String(error)}`);
    throw error;
  }
  return cluster;
}

/** No effect when the run has started none. */
export async function stopPostgres(directory: string): Promise<void> {
  if (!existsSync(join(directory, "postgres/data/postmaster.pid"))) return;
  await runCommand({ argv: stopCommand(directory), cwd: "/" });
}

/** Ends the cluster of a test run; fails when it has none. */
export function stopCommand(directory: string): [string, ...string[]] {
  return asOrdinaryUser(["pg_ctl", "-D", join(directory, "postgres/data"), "-m", "immediate", "-w", "stop"]);
}

async function isFirst(directory: string): Promise<boolean> {
  try {
    await mkdir(join(directory, "postgres"));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

async function startCluster(testRun: TestRun): Promise<void> {
  const home = join(testRun.directory, "postgres");
  if (process.getuid?.() === 0) await chown(home, NOBODY.uid, NOBODY.gid);
  const data = join(home, "data");
  const initialise = [
    "initdb",
    "-D",
    data,
    "-U",
    SUPERUSER,
    "--auth=trust",
    "--encoding=UTF8",
    "--locale=C",
    "--no-sync",
  ] as const;
  await runChecked({ argv: asOrdinaryUser(initialise), cwd: "/", timeoutMs: START_TIMEOUT_MS });

  // Nobody needs these rows after a crash of the machine: no fsync.
  const settings = `-k ${home} -c listen_addresses= -c fsync=off -c full_page_writes=off -c max_connections=200 -c shared_buffers=32MB`;
  const start = ["pg_ctl", "-D", data, "-l", join(home, "log"), "-o", settings, "-w", "start"] as const;
  await runChecked({ argv: asOrdinaryUser(start), cwd: "/", timeoutMs: START_TIMEOUT_MS });
}

function asOrdinaryUser([program, ...args]: readonly [string, ...string[]]): [string, ...string[]] {
  const path = join(postgresPrograms() ?? "", program);
  if (process.getuid?.() !== 0) return [path, ...args];
  return ["setpriv", `--reuid=${NOBODY.uid}`, `--regid=${NOBODY.gid}`, "--clear-groups", path, ...args];
}

function clusterAt(directory: string): PostgresCluster {
  const host = encodeURIComponent(join(directory, "postgres"));
  const connectionString = (databaseName: string): string => `postgresql://${SUPERUSER}@/${databaseName}?host=${host}`;
  return {
    connectionString,
    administrate: async (statement) => {
      const client = new Client({ connectionString: connectionString("postgres") });
      await client.connect();
      try {
        await client.query(statement);
      } finally {
        await client.end();
      }
    },
  };
}

async function waitFor(path: string, expected: string): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (!existsSync(path)) {
    if (performance.now() > deadline) throw new Error(`${path} did not appear`);
    await delay(50);
  }
  const observed = await readFile(path, "utf8");
  if (observed !== expected) throw new Error(`another test file started PostgreSQL: ${observed}`);
}
