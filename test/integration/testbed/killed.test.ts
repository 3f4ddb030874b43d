import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openRealTestbeds, type RealTestbeds } from "../../support/testbeds.ts";

let real: RealTestbeds;

beforeAll(async () => {
  real = await openRealTestbeds();
});

afterAll(async () => {
  await real?.dispose();
});

const OWNER = join(import.meta.dirname, "session-owner.ts");

/** Starts an owner with one session full of stubborn processes. */
async function startOwner(mode: "direct" | "virt-server"): Promise<{ owner: ChildProcess; between: number; marker: string }> {
  const marker = `stubborn-${randomBytes(6).toString("hex")}`;
  const argv = [OWNER, real.directory, real.base.id, marker, mode];
  const owner = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: owner.stdout })) {
    const [word, between] = line.split(" ");
    if (word === "ready") return { owner, between: Number(between), marker };
  }
  throw new Error("the owner ended before it was ready");
}

/** Process ids of the host whose command line has the word as a whole argument. */
async function findProcesses(word: string): Promise<number[]> {
  const ids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(ids.map((id) => readFile(`/proc/${id}/cmdline`, "utf8").catch(() => "")));
  return ids.flatMap((id, index) => ((lines[index] ?? "").split("\0").includes(word) ? [Number(id)] : []));
}

async function kill(process_: ChildProcess): Promise<void> {
  process_.kill("SIGKILL");
  if (process_.exitCode === null && process_.signalCode === null) await once(process_, "exit");
}

test("SIGKILL of the daemon ends every process of its sessions, and their directories go", async () => {
  const before = new Set(await readdir(join(real.directory, "store")));
  const { owner, marker } = await startOwner("direct");
  // The processes inside start a moment after their shell has ended.
  await expect.poll(() => findProcesses(marker).then((ids) => ids.length), { timeout: 10_000 }).toBeGreaterThanOrEqual(3);
  const made = (await readdir(join(real.directory, "store"))).filter((name) => name.startsWith("s-") && !before.has(name));
  expect(made.length).toBeGreaterThanOrEqual(1);

  await kill(owner);

  await expect.poll(() => findProcesses(marker), { timeout: 10_000 }).toEqual([]);
  const holders = made.map((name) => `mini-buildd-session=${join(real.directory, "store", name)}`);
  await expect
    .poll(async () => (await Promise.all(holders.map((holder) => findProcesses(holder)))).flat(), { timeout: 10_000 })
    .toEqual([]);
});

test("so does it when a program in between outlives the daemon and keeps the virtualisation server's input open", async () => {
  const { owner, between, marker } = await startOwner("virt-server");
  try {
    await expect.poll(() => findProcesses(marker).then((ids) => ids.length), { timeout: 10_000 }).toBeGreaterThanOrEqual(3);

    await kill(owner);

    // The program in between has the marker among its own arguments.
    await expect.poll(() => findProcesses(marker), { timeout: 10_000 }).toEqual([between]);
  } finally {
    process.kill(between, "SIGKILL");
  }
});

test("a holder that is killed takes its session along", async () => {
  const { owner, marker } = await startOwner("direct");
  try {
    await expect.poll(() => findProcesses(marker).then((ids) => ids.length), { timeout: 10_000 }).toBeGreaterThanOrEqual(3);
    const holders = await childrenOf(owner.pid ?? 0);

    for (const id of holders) process.kill(id, "SIGKILL");

    // The owner has the marker among its own arguments.
    await expect.poll(() => findProcesses(marker), { timeout: 10_000 }).toEqual([owner.pid]);
  } finally {
    await kill(owner);
  }
  // Nobody was left to remove the directory.
  await real.testbeds.sweep();
});

test("a sweep removes what crashes left, and nothing that lives", async () => {
  const living = await real.testbeds.startSession({ layers: [real.base.id] });
  const { owner, marker } = await startOwner("direct");
  const holders = await childrenOf(owner.pid ?? 0);
  // Killed together, so that no holder is left to clean up.
  for (const id of holders) process.kill(id, "SIGKILL");
  await kill(owner);
  await expect.poll(() => findProcesses(marker), { timeout: 10_000 }).toEqual([]);

  const swept = await real.testbeds.sweep();

  expect(swept.sessions).toBeGreaterThanOrEqual(1);
  expect((await living.run({ argv: ["true"] })).exitCode).toBe(0);
  expect(await readdir(join(real.directory, "store"))).toContain(living.id);
  expect((await real.testbeds.sweep()).sessions).toBe(0);
  await living.close();
});

async function childrenOf(id: number): Promise<number[]> {
  const text = await readFile(`/proc/${id}/task/${id}/children`, "utf8");
  return text.trim().split(" ").map(Number);
}
