import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { acquireHomeLock } from "../../../src/database/index.ts";
import { ManualClock } from "../../../src/runtime/index.ts";

const PROGRAM = join(import.meta.dirname, "../../fixtures/programs/hold-home.ts");

describe("the lock on a home", () => {
  const clock = new ManualClock(new Date("2026-11-22T13:00:00Z"));
  let homePath = "";
  let holder: ChildProcess | undefined;

  beforeEach(async () => {
    homePath = await mkdtemp(join(tmpdir(), "mini-buildd-home-"));
  });

  afterEach(async () => {
    holder?.kill("SIGKILL");
    holder = undefined;
    await rm(homePath, { recursive: true });
  });

  async function startHolder(): Promise<ChildProcess> {
    holder = spawn(process.execPath, [PROGRAM, homePath], { stdio: ["ignore", "pipe", "inherit"] });
    await once(holder.stdout!, "data");
    return holder;
  }

  test("is held by one process, and the refusal says by which and since when", async () => {
    const { pid } = await startHolder();

    await expect(acquireHomeLock(homePath, clock)).rejects.toMatchObject({
      kind: "conflict",
      code: "HOME_LOCKED",
      message: expect.stringMatching(new RegExp(`is in use by process ${pid}, since 20\\d\\d-`)) as string,
    });
  });

  test("is free at once when its holder was killed, whatever it left behind", async () => {
    const process = await startHolder();
    process.kill("SIGKILL");
    await once(process, "exit");

    const lock = await acquireHomeLock(homePath, clock);
    await lock.release();
  });

  test("is refused to a second taker in the same process, and free after release", async () => {
    const lock = await acquireHomeLock(homePath, clock);

    await expect(acquireHomeLock(homePath, clock)).rejects.toMatchObject({ code: "HOME_LOCKED" });
    await lock.release();
    await lock.release();
    const again = await acquireHomeLock(homePath, clock);
    await expect(acquireHomeLock(homePath, clock)).rejects.toMatchObject({ code: "HOME_LOCKED" });
    await again.release();
  });

  test("does not name a process that a stale note points to", async () => {
    await startHolder();
    await writeFile(join(homePath, "run/home.holder"), JSON.stringify({ pid: 4_194_305, since: "long ago" }));

    await expect(acquireHomeLock(homePath, clock)).rejects.toMatchObject({ message: `${homePath} is in use by another process` });
  });

  test("on a home that cannot be written is an error of the world", async () => {
    await writeFile(join(homePath, "file"), "");

    await expect(acquireHomeLock(join(homePath, "file"), clock)).rejects.toMatchObject({
      kind: "unavailable",
      code: "HOME_UNUSABLE",
    });
  });
});
