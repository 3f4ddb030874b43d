import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FileSystemSyncer } from "./file-system-syncer.ts";

test("a file system is synchronized as often as one asks, also before the last answer", async () => {
  const path = await mkdtemp(join(tmpdir(), "mbd-sync-"));
  const syncer = new FileSystemSyncer(path);
  try {
    await Promise.all([syncer.sync(), syncer.sync()]);
    await syncer.sync();
  } finally {
    syncer.close();
    await rm(path, { recursive: true });
  }
});

test("what cannot be synchronized is said to all who wait, and to those who ask later", async () => {
  const syncer = new FileSystemSyncer("/nowhere/at all");
  const waiting = [syncer.sync(), syncer.sync()];

  for (const one of waiting) await expect(one).rejects.toMatchObject({ kind: "unavailable", code: "COMMAND_FAILED" });
  await expect(syncer.sync()).rejects.toMatchObject({ facts: { path: "/nowhere/at all" } });
});
