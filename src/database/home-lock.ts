import { existsSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { AppError, type Clock, makeDirectory, writeFileAtomically } from "../runtime/index.ts";
import { isSqliteBusy } from "./engine-error.ts";

/** Proof that no other process works in this home. */
export interface HomeLock {
  readonly homePath: string;
  /** May be called twice. */
  release(): Promise<void>;
}

interface Holder {
  readonly pid: number;
  readonly since: string;
}

/**
 * Lock a home for this process: one server at a time, and no offline command beside it. The kernel gives the lock
 * back when the process ends, however it ends: it is the record lock that SQLite takes on `run/home.lock` for an
 * exclusive transaction, the only kind of lock that Node can hold without a helper process. `run/home.holder` only tells
 * people who it is.
 *
 * Nothing else in this process may open `run/home.lock`: closing any descriptor of it would give up the lock (POSIX).
 * Throws `conflict` HOME_LOCKED, `unavailable` HOME_UNUSABLE.
 */
export async function acquireHomeLock(homePath: string, clock: Clock): Promise<HomeLock> {
  const runPath = join(homePath, "run");
  const holderPath = join(runPath, "home.holder");
  await makeRunDirectory(runPath);

  const lock = await lockFile(join(runPath, "home.lock"), async () => lockedError(homePath, await readHolder(holderPath)));
  const holder: Holder = { pid: process.pid, since: clock.now().toISOString() };
  await writeFileAtomically(holderPath, `${JSON.stringify(holder)}\n`, { mode: 0o600 });

  return {
    homePath,
    release: async () => {
      if (!lock.isOpen) return;
      await rm(holderPath, { force: true });
      lock.close();
    },
  };
}

async function makeRunDirectory(path: string): Promise<void> {
  try {
    await makeDirectory(path, 0o700);
  } catch (error) {
    throw unusable(path, error);
  }
}

async function lockFile(path: string, describe: () => Promise<AppError>): Promise<DatabaseSync> {
  let connection: DatabaseSync | undefined;
  try {
    connection = new DatabaseSync(path, { timeout: 0 });
    connection.exec("begin exclusive");
    return connection;
  } catch (error) {
    connection?.close();
    throw isSqliteBusy(error) ? await describe() : unusable(path, error);
  }
}

/** Undefined when the holder has not said yet who it is, or the file is left from one that died. */
async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    const holder = JSON.parse(await readFile(path, "utf8")) as Holder;
    return existsSync(`/proc/${holder.pid}`) ? holder : undefined;
  } catch {
    // Missing or unreadable: the lock is held all the same, we only cannot say by whom.
    return undefined;
  }
}

function lockedError(homePath: string, holder: Holder | undefined): AppError {
  const who = holder === undefined ? "another process" : `process ${holder.pid}, since ${holder.since}`;
  return new AppError({
    kind: "conflict",
    code: "HOME_LOCKED",
    message: `${homePath} is in use by ${who}`,
    hint: "Stop that mini-buildd first, or use its command line or web interface instead",
    facts: { homePath, ...holder },
  });
}

function unusable(path: string, cause: unknown): AppError {
  return new AppError({
    kind: "unavailable",
    code: "HOME_UNUSABLE",
    message: `${path} cannot be made or locked`,
    hint: "Check that the home exists, belongs to the user who runs mini-buildd, and is on a local file system with space left",
    cause,
  });
}
