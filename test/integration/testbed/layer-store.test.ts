import { mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ManualClock } from "../../../src/runtime/index.ts";
import { boundDownloads, evictUnused, relieve } from "../../../src/testbed/evict.ts";
import { isFileLocked, withFileLock } from "../../../src/testbed/file-lock.ts";
import { loadIdMap } from "../../../src/testbed/id-map.ts";
import { boundKept, listKept } from "../../../src/testbed/kept-testbeds.ts";
import { LayerStore } from "../../../src/testbed/layer-store.ts";
import { sweepLeftovers } from "../../../src/testbed/sweep.ts";
import type { LayerKind } from "../../../src/testbed/types.ts";

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;

let directory: string;
let store: LayerStore;
let clock: ManualClock;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "mbd-layers-"));
  clock = new ManualClock(new Date("2026-11-22T12:00:00Z"));
  store = await LayerStore.open(join(directory, "testbeds"), await loadIdMap(), clock);
});

afterEach(async () => {
  await store.asTestbedRoot(["sh", "-c", "rm -rf -- [!m]* m[!o]*"]);
  await rm(directory, { recursive: true, force: true });
});

async function commit(id: string, kind: LayerKind, on: readonly string[] = []) {
  await store.asTestbedRoot(["sh", "-ec", 'mkdir -p "making-$1/root" && chmod 000 "making-$1/root"', "sh", id]);
  return store.commit(`making-${id}`, { id, kind, codename: "x", architecture: "y", description: id, on });
}

async function ids(): Promise<string[]> {
  return (await store.list()).map((layer) => layer.id);
}

test("a committed layer is found with what it is, by another process too", async () => {
  await commit("base-a", "base");

  const other = await LayerStore.open(join(directory, "testbeds"), await loadIdMap(), clock);

  expect(await other.find("base-a")).toMatchObject({ id: "base-a", kind: "base", createdAt: clock.now() });
  expect(await other.find("base-b")).toBeUndefined();
  await expect(other.load("base-b")).rejects.toMatchObject({ code: "LAYER_NOT_FOUND" });
  await expect(other.find("../etc")).rejects.toMatchObject({ code: "LAYER_NOT_FOUND" });
});

test("the store is closed to every other user", async () => {
  const ended = await store.asTestbedRoot(["stat", "-c", "%a", "."]);
  expect(ended.stdout.toString("utf8").trim()).toBe("777");

  // By its absolute path not even our own subordinate ids get there.
  await expect(store.asTestbedRoot(["ls", store.storeDirectory])).rejects.toMatchObject({ code: "COMMAND_FAILED" });
});

test("a tree that a crash left under a layer's name is replaced, and swept when nobody wants it", async () => {
  await store.asTestbedRoot(["mkdir", "-p", "base-a/stale", "making-base-b/half", "s-0/upper"]);
  await commit("base-a", "base");
  await store.asTestbedRoot(["mkdir", "-p", "deps-c/complete-but-unrecorded", "archives/partial"]);

  const swept = await sweepLeftovers(store);

  expect(swept).toEqual({ sessions: 1, unfinishedLayers: 2, processes: 0 });
  expect((await readdir(store.storeDirectory)).toSorted()).toEqual(["archives", "base-a", "mounts.fstab"]);
  expect(await readdir(join(store.storeDirectory, "base-a"))).toEqual(["root"]);
});

test("nothing unfinished is swept while somebody makes a layer", async () => {
  await store.asTestbedRoot(["mkdir", "making-base-b", "s-about-to-be-a-layer", "s-left"]);
  await store.recordSession({ name: "s-left", layers: [], lifelinePath: "none" });

  await withFileLock(store.lockPath("base-b"), undefined, async () => {
    expect(await isFileLocked(store.lockPath("base-b"))).toBe(true);
    expect(await sweepLeftovers(store)).toMatchObject({ unfinishedLayers: 0, sessions: 1 });
  });

  expect(await sweepLeftovers(store)).toMatchObject({ unfinishedLayers: 1, sessions: 1 });
});

test("layers that nothing has used for long are evicted, what they stand on after them; bases stay", async () => {
  await commit("base-a", "base");
  await commit("lists-b", "lists", ["base-a"]);
  await commit("deps-c", "dependencies", ["base-a"]);
  await commit("deps-d", "dependencies", ["deps-c", "base-a"]);
  await commit("deps-e", "dependencies", ["base-a"]);
  await commit("deps-f", "dependencies", ["base-a"]);
  await store.recordSession({ name: "s-1", layers: ["deps-f", "base-a"], lifelinePath: "/nonexistent" });
  clock.advance(10_000);
  await store.markUsed(await store.load("deps-e"));

  expect((await evictUnused(store, clock, 5_000)).toSorted()).toEqual(["deps-c", "deps-d", "lists-b"]);

  expect(await ids()).toEqual(["base-a", "deps-e", "deps-f"]);
});

test("compiler caches go as layers do: unused ones, and those beyond the bound", async () => {
  await commit("base-a", "base");
  for (const id of ["ccache-a-1-x", "ccache-b-1-x", "ccache-c-1-x"]) {
    await commit(id, "compiler-cache");
    clock.advance(HOUR_MS);
  }
  await store.recordSession({ name: "s-1", layers: ["ccache-b-1-x", "base-a"], lifelinePath: "/nonexistent" });

  expect(await evictUnused(store, clock, 2.5 * HOUR_MS)).toEqual(["ccache-a-1-x"]);
  expect(await relieve(store, clock, { isEnough: () => false, withBases: false })).toEqual(["ccache-c-1-x"]);
  expect(await ids()).toEqual(["base-a", "ccache-b-1-x"]);
});

test("notes and locks that nobody has touched for long go, and recipes with their layers", async () => {
  await commit("deps-c", "dependencies");
  const old = ["plan-old", "lists-old", "recipe-deps-gone", "recipe-deps-c", "other-a"];
  for (const name of [...old, "plan-new", "recipe-deps-making"]) await store.writeNote(name, {});
  await writeFile(join(store.directory, "notes/plan-x.json.00000000-0000-0000-0000-000000000000"), "{");
  await withFileLock(store.lockPath("old"), undefined, async () => {});
  await withFileLock(store.lockPath("held-again"), undefined, async () => {});
  const now = clock.now();
  const longAgo = new Date(now.getTime() - 20 * DAY_MS);
  for (const name of await readdir(join(store.directory, "notes"))) {
    const isOld = old.includes(name.replace(/\.json$/, "")) || !name.endsWith(".json");
    await utimes(join(store.directory, "notes", name), now, isOld ? longAgo : now);
  }
  for (const name of ["old", "held-again"]) await utimes(store.lockPath(name), longAgo, longAgo);
  await withFileLock(store.lockPath("held-again"), undefined, async () => {});

  await evictUnused(store, clock, 14 * DAY_MS);

  const left = (await readdir(join(store.directory, "notes"))).toSorted();
  expect(left).toEqual(["other-a.json", "plan-new.json", "recipe-deps-c.json", "recipe-deps-making.json"]);
  expect(await readdir(join(store.directory, "locks"))).toEqual(["held-again"]);
});

test("a lock waits for its holder, and is given up on request", async () => {
  const order: string[] = [];
  const held = Promise.withResolvers<void>();
  const first = withFileLock(store.lockPath("x"), undefined, async () => {
    order.push("first");
    await held.promise;
    order.push("first ends");
  });
  await expect.poll(() => order).toEqual(["first"]);
  const second = withFileLock(store.lockPath("x"), undefined, async () => void order.push("second"));
  const impatient = withFileLock(store.lockPath("x"), AbortSignal.timeout(50), async () => void order.push("never"));

  await expect(impatient).rejects.toMatchObject({ name: "TimeoutError" });
  held.resolve();
  await Promise.all([first, second]);

  expect(order).toEqual(["first", "first ends", "second"]);
});

/** A base, and on it layers of 1 MB each; an hour between their uses. */
async function commitInOrder(...layerIds: readonly string[]): Promise<void> {
  await commit("base-a", "base");
  for (const id of layerIds) {
    await store.asTestbedRoot(["sh", "-ec", 'mkdir "making-$1"; head -c 1000000 /dev/urandom > "making-$1/data"', "sh", id]);
    await store.commit(`making-${id}`, {
      id,
      kind: "dependencies",
      codename: "x",
      architecture: "y",
      description: id,
      on: ["base-a"],
    });
    clock.advance(HOUR_MS);
  }
}

test("layers beyond the bound go, the least recently used first, none in use and none handed out just now", async () => {
  await commitInOrder("deps-1", "deps-2", "deps-3", "deps-4", "deps-5");
  await store.markUsed(await store.load("deps-1"));
  await store.recordSession({ name: "s-1", layers: ["deps-3", "base-a"], lifelinePath: "none" });
  const isEnough = (sizeBytes: number): boolean => sizeBytes < 3_500_000;

  expect(await relieve(store, clock, { isEnough, withBases: true })).toEqual(["deps-2", "deps-4"]);
  expect(await ids()).toEqual(["base-a", "deps-1", "deps-3", "deps-5"]);

  // deps-1 was given to somebody this minute.
  expect(await relieve(store, clock, { isEnough: () => false, withBases: true })).toEqual(["deps-5"]);
  await store.forgetSession("s-1");
  clock.advance(HOUR_MS);
  expect(await relieve(store, clock, { isEnough: () => false, withBases: false })).toEqual(["deps-3", "deps-1"]);
  expect(await relieve(store, clock, { isEnough: () => false, withBases: true })).toEqual(["base-a"]);
});

test("kept testbeds go before all layers, also those of this minute; beyond their own bounds the oldest; none in use", async () => {
  await commitInOrder("deps-1");
  const base = ["deps-1", "base-a"];
  for (const id of ["kept-1", "kept-2", "kept-3"]) {
    clock.advance(60_000);
    await commit(id, "kept", base);
  }
  const limits = { failedTestbedAgeMsMax: HOUR_MS, failedTestbedsMax: 2, failedTestbedsSizeBytesMax: 1e12 };

  await expect(store.remove("deps-1")).rejects.toMatchObject({ code: "LAYER_IN_USE" });
  await store.recordSession({ name: "s-1", layers: ["kept-2", ...base], lifelinePath: "none" });
  expect(await boundKept(store, clock, limits)).toEqual(["kept-1"]);
  expect((await listKept(store, clock, limits)).map(({ layers }) => layers)).toEqual([
    ["kept-2", ...base],
    ["kept-3", ...base],
  ]);

  let asked = 0;
  expect(await relieve(store, clock, { isEnough: () => ++asked > 3, withBases: true })).toEqual(["kept-3"]);
  await store.forgetSession("s-1");
  clock.advance(HOUR_MS);
  expect(await listKept(store, clock, limits)).toEqual([]);
  expect(await boundKept(store, clock, limits)).toEqual(["kept-2"]);
  expect(await ids()).toEqual(["base-a", "deps-1"]);
});

test("a session that comes while its layer is removed keeps it, or does not start", async () => {
  await commitInOrder("deps-1");

  const [removal, session] = await Promise.allSettled([
    store.remove("deps-1"),
    store.recordSession({ name: "s-1", layers: ["deps-1"], lifelinePath: "none" }).then(() => store.load("deps-1")),
  ]);

  expect([removal.status, session.status].sort()).toEqual(["fulfilled", "rejected"]);
  expect(await ids()).toEqual(session.status === "fulfilled" ? ["base-a", "deps-1"] : ["base-a"]);
});

test("downloads beyond the bound go, those not read for longest first, none that was touched within the hour", async () => {
  const make = [1, 2, 3].map((day) => `head -c 1000 /dev/zero > archives/p${day}; touch -a -d 2026-01-0${day} archives/p${day}`);
  await store.asTestbedRoot(["sh", "-ec", `mkdir archives; ${make.join("; ")}`]);
  const left = async (): Promise<string> => (await store.asTestbedRoot(["ls", "archives"])).stdout.toString("utf8").trim();

  // This machine touched them now, whatever the time is here.
  await boundDownloads(store, new ManualClock(new Date()), 0);
  expect(await left()).toBe("p1\np2\np3");

  const later = new ManualClock(new Date(Date.now() + 2 * HOUR_MS));
  await boundDownloads(store, later, 2_500);
  expect(await left()).toBe("p2\np3");
  await boundDownloads(store, later, 0);
  expect(await left()).toBe("");
});
