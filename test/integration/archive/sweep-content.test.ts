import { access, utimes } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { ContentStore, sweepContent } from "../../../src/archive/index.ts";
import { distributionSettings, makeTestArchive, type TestArchive } from "../../support/archive.ts";
import { engines, useDatabase } from "../../support/database.ts";
import { type MadeFile, makeDeb, makeSource, writeMadeFile } from "../../support/packages.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const UNSTABLE = "bookworm-test-unstable";

describe.each(engines)("stored content that nothing refers to, on %s", (engine) => {
  const database = useDatabase(engine);

  async function withArchive(work: (archive: TestArchive, store: ContentStore) => Promise<void>): Promise<void> {
    const archive = await makeTestArchive({ clock: database.clock, database, isStarted: false });
    try {
      await archive.ensure(distributionSettings(UNSTABLE));
      // As after a restart: this one has imported nothing.
      await work(archive, new ContentStore(archive.archive.paths));
    } finally {
      await archive.dispose();
    }
  }

  async function sweep(store: ContentStore): Promise<number> {
    return sweepContent(database.database, { store, clock: database.clock });
  }

  async function importOld(store: ContentStore, file: MadeFile): Promise<void> {
    await store.importFile(file.path, file);
    const longAgo = new Date(database.clock.now().getTime() - 2 * DAY_MS);
    await utimes(store.pathOf(file.sha256), longAgo, longAgo);
  }

  test("goes when it is old; what is installed, or was imported just now, stays", async () => {
    await withArchive(async (site, store) => {
      const { homePath, archive } = site;
      const source = await makeSource(homePath, { version: "1.0" });
      const deb = await makeDeb(homePath, { name: "hello", version: "1.0" });
      await site.install(UNSTABLE, { source, debs: [deb] });
      await importOld(archive.contentStore, deb);
      const failed = await writeMadeFile(homePath, "failed.deb", Buffer.from("failed"));
      const young = await writeMadeFile(homePath, "young.deb", Buffer.from("young"));
      await importOld(archive.contentStore, failed);
      await archive.contentStore.importFile(young.path, young);
      const now = database.clock.now();
      await utimes(store.pathOf(young.sha256), now, now);

      expect(await sweep(store)).toBe(1);

      await expect(access(store.pathOf(failed.sha256))).rejects.toThrow("ENOENT");
      for (const file of [deb, source.dsc, young]) await access(store.pathOf(file.sha256));
    });
  });

  test("stays while its import may still become rows, also when it was there for long", async () => {
    await withArchive(async ({ homePath }, store) => {
      const file = await writeMadeFile(homePath, "again.deb", Buffer.from("again"));
      await importOld(store, file);

      expect(await sweep(store)).toBe(0);

      await access(store.pathOf(file.sha256));
    });
  });
});
