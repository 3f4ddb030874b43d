import { closeSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { runChecked, silentLogger, systemClock } from "../../../src/runtime/index.ts";
import { CompilerCaches } from "../../../src/testbed/compiler-cache.ts";
import { loadIdMap } from "../../../src/testbed/id-map.ts";
import type { Layer, Session } from "../../../src/testbed/index.ts";
import { LayerStore } from "../../../src/testbed/layer-store.ts";
import { holdLifeline, lifelinePath } from "../../../src/testbed/lifeline.ts";
import { sweepLeftovers } from "../../../src/testbed/sweep.ts";
import { openRealTestbeds, type RealTestbeds } from "../../support/testbeds.ts";

const NAME = { repository: "cachetest", source: "foo", codename: "x", architecture: "amd64" };
const MEBIBYTE = 1024 ** 2;

let real: RealTestbeds;
let store: LayerStore;
let lifeline: string;
let held: number;

beforeAll(async () => {
  real = await openRealTestbeds();
  store = await LayerStore.open(real.directory, await loadIdMap(), systemClock);
  lifeline = lifelinePath(real.directory);
  await runChecked({ argv: ["mkfifo", lifeline] });
  held = holdLifeline(lifeline);
}, 600_000);
afterEach(async () => {
  for (const { id } of await generations()) await store.remove(id);
});
afterAll(async () => {
  closeSync(held);
  await rm(lifeline);
  await real.dispose();
});

/** Of a daemon that lives as long as this test, or is dead. */
function openCaches(life: "alive" | "dead" = "alive"): CompilerCaches {
  const path = life === "dead" ? "/nonexistent" : lifeline;
  return new CompilerCaches({ store, lifelinePath: path, logger: silentLogger, sizeBytesMax: MEBIBYTE, filesMax: 100 });
}

/** A session as builds have it. */
function start(caches: CompilerCaches): Promise<Session> {
  return caches.startSession(NAME, (above) =>
    real.testbeds.startSession({ layers: [...above, real.base.id], withScratch: true }),
  );
}

/** What a build does: it writes to its cache, and leaves a .changes. */
async function compile(session: Session, script: string): Promise<void> {
  const made = "mkdir -p /build/path && touch /build/path/foo_1_amd64.changes";
  await session.runChecked({ argv: ["sh", "-ec", `cd /mini-buildd/ccache; ${script}`], user: "sbuild" });
  await session.runChecked({ argv: ["sh", "-ec", made] });
}

async function buildWell(caches: CompilerCaches, owner: string, script: string): Promise<void> {
  const session = await start(caches);
  await compile(session, script);
  await caches.keep(session, owner, NAME);
  await session.close();
  await caches.store(owner);
}

async function generations(): Promise<Layer[]> {
  return (await store.list()).filter(({ description }) => description === "compiler cache of foo in cachetest");
}

async function candidates(): Promise<string[]> {
  return (await readdir(store.storeDirectory)).filter((name) => name.startsWith("s-cache-"));
}

async function content(caches: CompilerCaches): Promise<string> {
  const session = await start(caches);
  try {
    const argv = ["sh", "-c", "cd /mini-buildd/ccache; find . -type f | LC_ALL=C sort | xargs -r cat"] as const;
    return (await session.runChecked({ argv })).stdout.toString();
  } finally {
    await session.close();
  }
}

test("each good build adds to the cache; what was not stored is not there, nor is its tree", async () => {
  const caches = openCaches();
  await buildWell(caches, "one", "echo 1 > a");
  const session = await start(caches);
  await compile(session, "cat a; echo changed > a; echo 2 > b");
  await caches.keep(session, "two", NAME);
  await session.close();
  await caches.discard("two");
  expect(await content(caches)).toBe("1\n");

  await buildWell(caches, "three", "rm a; echo 3 > c");

  expect(await content(caches)).toBe("3\n");
  expect(await generations()).toHaveLength(1);
  expect(await candidates()).toEqual([]);
});

test("what a dead daemon had not stored is swept, what a living one has is not", async () => {
  const [dead, alive] = [openCaches("dead"), openCaches()];
  for (const caches of [dead, alive]) {
    const session = await start(caches);
    await compile(session, "echo 1 > a");
    await caches.keep(session, "owner", NAME);
    await session.close();
  }
  expect(await candidates()).toHaveLength(2);

  await sweepLeftovers(store);

  expect(await candidates()).toHaveLength(1);
  await expect(dead.store("owner")).rejects.toMatchObject({ code: "COMMAND_FAILED" });
  await alive.store("owner");
  expect(await generations()).toHaveLength(1);
  expect(await candidates()).toEqual([]);
});

test("a build keeps what it began with, whoever stores meanwhile", async () => {
  const caches = openCaches();
  await buildWell(caches, "one", "echo 1 > a");
  const slow = await start(caches);

  await buildWell(caches, "two", "echo 2 > a");
  await buildWell(caches, "three", "echo 3 > a");

  expect((await slow.runChecked({ argv: ["cat", "/mini-buildd/ccache/a"] })).stdout.toString()).toBe("1\n");
  expect(await generations()).toHaveLength(2);
  await compile(slow, "echo slow >> a");
  await caches.keep(slow, "slow", NAME);
  await slow.close();
  await caches.store("slow");
  expect(await content(caches)).toBe("1\nslow\n");
  expect(await generations()).toHaveLength(1);
});

test.each([
  ["too large", "head -c 3000000 /dev/urandom > big", /it has \d+ bytes, more than 2097152/],
  ["too many files", "touch $(seq 101)", /it has more than 100 files/],
])("a cache that is %s is not kept, and said why", async (_, script, reason) => {
  const caches = openCaches();
  const session = await start(caches);
  await compile(session, script);

  await caches.keep(session, "owner", NAME);
  await session.close();

  const error = await caches.store("owner").catch((thrown: unknown) => thrown as Error);
  expect(String((error as Error).cause)).toMatch(reason);
  await caches.discard("owner");
  expect(await generations()).toEqual([]);
  expect(await candidates()).toEqual([]);
});
