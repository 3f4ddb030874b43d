import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isFileLocked } from "./file-lock.ts";
import { sessionMarker } from "./holder.ts";
import { ARCHIVES_NAME } from "./install-packages.ts";
import type { LayerStore } from "./layer-store.ts";
import { isLifelineHeld, socketPath } from "./lifeline.ts";
import type { SweepResult } from "./types.ts";

const DEATH_CHECKS = 500;
const DEATH_CHECK_INTERVAL_MS = 10;

/**
 * Remove what a crash left: processes and directories of sessions whose lifeline nobody holds any more, lifelines,
 * and, unless somebody is making a layer just now, unfinished layers.
 */
export async function sweepLeftovers(store: LayerStore): Promise<SweepResult> {
  const records = await store.sessionRecords();
  const alive = new Set(records.filter(({ lifelinePath }) => isLifelineHeld(lifelinePath)).map(({ name }) => name));
  const processes = await killSessions(store, alive);

  const strays = await store.strayTrees();
  const isMaking = strays.length > 0 && (await isMakingLayers(store));
  const recorded = new Set(records.map(({ name }) => name));
  // One without a record may be about to become a layer.
  const sessions = strays.filter((name) => name.startsWith("s-") && !alive.has(name) && (recorded.has(name) || !isMaking));
  const unfinished = isMaking ? [] : strays.filter((name) => !name.startsWith("s-") && name !== ARCHIVES_NAME);
  for (const name of [...sessions, ...unfinished]) await store.removeTree(name);
  for (const { name } of records) if (!alive.has(name)) await store.forgetSession(name);
  await removeLifelines(store);

  return { sessions: sessions.length, unfinishedLayers: unfinished.length, processes };
}

async function isMakingLayers(store: LayerStore): Promise<boolean> {
  for (const path of await store.lockPaths()) if (await isFileLocked(path)) return true;
  return false;
}

async function removeLifelines(store: LayerStore): Promise<void> {
  const paths = (await readdir(store.directory))
    .filter((name) => name.startsWith("lifeline-"))
    .map((name) => join(store.directory, name));
  for (const path of paths) {
    if (isLifelineHeld(path)) continue;
    await rm(path, { force: true });
    await rm(socketPath(path), { force: true });
  }
}

interface RunningProcess {
  readonly id: number;
  readonly parentId: number;
  readonly marker: string | undefined;
}

/** The holders, and below them the first process of each session, which takes all others of its pid namespace along. */
async function killSessions(store: LayerStore, alive: ReadonlySet<string>): Promise<number> {
  const prefix = sessionMarker(store.storeDirectory, "");
  const running = await listProcesses(prefix);
  const doomed = new Set(
    running.flatMap(({ id, marker }) => (marker === undefined || alive.has(marker.slice(prefix.length)) ? [] : [id])),
  );
  // Four levels: holder, two that make namespaces, first process. In order of ids a child may come before its parent.
  for (let level = 0; level < 4; level += 1) {
    for (const { id, parentId } of running) if (doomed.has(parentId)) doomed.add(id);
  }

  for (const id of doomed) killNow(id);
  await waitForDeath([...doomed]);
  return doomed.size;
}

async function listProcesses(markerPrefix: string): Promise<RunningProcess[]> {
  const ids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(ids.map((id) => readProcess(id, markerPrefix)));
  return found.filter((process) => process !== undefined);
}

async function readProcess(id: number, markerPrefix: string): Promise<RunningProcess | undefined> {
  try {
    const stat = await readFile(`/proc/${id}/stat`, "utf8");
    const words = (await readFile(`/proc/${id}/cmdline`, "utf8")).split("\0");
    // "PID (name) STATE PPID …": the name may contain anything.
    const parentId = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    return { id, parentId, marker: words.find((word) => word.startsWith(markerPrefix)) };
  } catch {
    // Ended meanwhile.
    return undefined;
  }
}

function killNow(id: number): void {
  try {
    process.kill(id, "SIGKILL");
  } catch {
    // Ended meanwhile, or taken over by another user's process, which is none of ours.
  }
}

async function waitForDeath(ids: readonly number[]): Promise<void> {
  for (let check = 0; check < DEATH_CHECKS; check += 1) {
    const alive = await Promise.all(
      ids.map((id) =>
        readFile(`/proc/${id}/cmdline`).then(
          ({ length }) => length > 0,
          () => false,
        ),
      ),
    );
    if (!alive.includes(true)) return;
    await delay(DEATH_CHECK_INTERVAL_MS);
  }
}
