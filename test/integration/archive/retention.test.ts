import { access, mkdtemp, readdir, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  removeSourceVersion,
  requestSnapshot,
  requestSnapshotDeletion,
  restoreSourceVersion,
  undoLastChange,
} from "../../../src/archive/index.ts";
import { linkPoolFiles } from "../../../src/archive/link-pool.ts";
import { advancePublication } from "../../../src/archive/publication-state.ts";
import { forgetSnapshot } from "../../../src/archive/snapshot-state.ts";
import type { Transaction } from "../../../src/database/index.ts";
import { compareVersions, type Version } from "../../../src/formats/index.ts";
import { asAppError } from "../../../src/runtime/index.ts";
import { distributionSettings, makeTestArchive, type TestArchive } from "../../support/archive.ts";
import { engines, useDatabase } from "../../support/database.ts";
import { type MadeFile, type MadeSource, makeDeb, makeSource } from "../../support/packages.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const NAMES = ["alpha", "beta"] as const;
const VERSIONS = ["1.0-1", "1.0-2", "2.0-1", "2.1-1"] as const;
const STAGES = ["unstable", "stable"] as const;

describe.each(engines)("retention on %s", (engine) => {
  const db = useDatabase(engine);
  let scratchPath: string;
  let site: TestArchive;
  let packages: Map<string, { source: MadeSource; deb: MadeFile }>;

  beforeEach(async () => {
    scratchPath = await mkdtemp(join(tmpdir(), "mbd-retention-"));
    const { database, location, clock } = db;
    site = await makeTestArchive({ clock, database: { database, location }, isStarted: false });
    packages = new Map();
    for (const name of NAMES) for (const version of VERSIONS) packages.set(`${name} ${version}`, await make(name, version));
  });

  afterEach(async () => {
    await site.dispose();
    await rm(scratchPath, { recursive: true, force: true });
  });

  /** 1.0-1 and 1.0-2 share an orig. */
  async function make(name: string, version: string, builtUsing?: string): Promise<{ source: MadeSource; deb: MadeFile }> {
    const fields = builtUsing === undefined ? {} : { "Built-Using": builtUsing };
    return {
      source: await makeSource(scratchPath, { name, version, debianText: version }),
      deb: await makeDeb(scratchPath, { name, version, fields }),
    };
  }

  /** One history of one repository, and what it must have kept. */
  class History {
    readonly repositoryId: string;
    /** "distribution change" → what was in it then. */
    readonly #held = new Map<string, string[]>();

    constructor(repositoryId: string) {
      this.repositoryId = repositoryId;
    }

    async begin(settings: { keep: number; keepDays?: number | undefined; historyDays?: number | undefined }): Promise<void> {
      for (const stage of STAGES) {
        const name = this.distribution(stage);
        await site.ensure(distributionSettings(name, { repositoryId: this.repositoryId, components: ["main"], ...settings }));
      }
      await this.note();
    }

    distribution(stage: (typeof STAGES)[number]): string {
      return `sid-${this.repositoryId}-${stage}`;
    }

    async install(stage: (typeof STAGES)[number], name: string, version: string): Promise<void> {
      const made = packages.get(`${name} ${version}`);
      if (made === undefined) throw new Error(`no package ${name} ${version}`);
      await site.install(this.distribution(stage), { source: made.source, debs: [made.deb] });
      await this.note();
    }

    async remove(stage: (typeof STAGES)[number], name: string): Promise<void> {
      const distribution = this.distribution(stage);
      const { change } = await this.#row(distribution);
      const isThere = (await this.heldAt(distribution, change)).some((member) => member.startsWith(`source ${name} `));
      if (isThere) await site.database.transaction((tx) => removeSourceVersion(tx, { distribution, source: name }));
      await this.note();
    }

    /** As a person would: nothing happens where there is nothing to undo. */
    async undo(stage: (typeof STAGES)[number]): Promise<void> {
      await this.#tryTo((tx) => undoLastChange(tx, { distribution: this.distribution(stage) }));
    }

    async restore(stage: (typeof STAGES)[number], source: string, version: string): Promise<void> {
      await this.#tryTo((tx) => restoreSourceVersion(tx, { distribution: this.distribution(stage), source, version }));
    }

    async #tryTo(act: (tx: Transaction) => Promise<unknown>): Promise<void> {
      const refusals = ["NOTHING_TO_UNDO", "PACKAGE_NOT_THERE", "VERSION_IS_NEWEST"];
      await site.database.transaction(act).catch((error: unknown) => {
        if (!refusals.includes(asAppError(error).code)) throw error;
      });
      await this.note();
    }

    async snapshot(stage: (typeof STAGES)[number], name: string): Promise<void> {
      const id = { distribution: this.distribution(stage), name };
      const isThere = await site.database.read
        .selectFrom("snapshots")
        .select("name")
        .where("name", "=", name)
        .where("distribution", "=", id.distribution)
        .executeTakeFirst();
      await site.database.transaction(async (tx) => {
        if (isThere === undefined) return requestSnapshot(tx, { ...id, kind: "manual", by: "test" });
        await requestSnapshotDeletion(tx, id, "test");
        await forgetSnapshot(tx, id);
      });
    }

    /** What the publisher writes down, and the links it makes; no indexes. */
    async publish(): Promise<void> {
      const { database, archive } = site;
      await linkPoolFiles(database.read, archive.paths, this.repositoryId);
      for (const stage of STAGES) {
        const distribution = this.distribution(stage);
        const pending = await database.read
          .selectFrom("publications")
          .selectAll()
          .where("distribution", "=", distribution)
          .where("state", "=", "pending")
          .executeTakeFirst();
        if (pending === undefined) continue;
        db.clock.advance(1000);
        const releaseDate = db.clock.now();
        const { change } = await this.#row(distribution);
        await database.transaction(async (tx) => {
          await tx.updateTable("pool_paths").set({ is_linked: 1 }).where("repository_id", "=", this.repositoryId).execute();
          const { generation } = pending;
          await tx
            .updateTable("publications")
            .set({ release_date: releaseDate.toISOString() })
            .where("distribution", "=", distribution)
            .where("generation", "=", generation)
            .execute();
          await advancePublication(tx, { distribution, generation, change, releaseDate, durationMs: 0 });
        });
      }
    }

    /** Remember what each distribution holds at its change. */
    async note(): Promise<void> {
      for (const stage of STAGES) {
        const distribution = this.distribution(stage);
        const { change } = await this.#row(distribution);
        this.#held.set(`${distribution} ${change}`, await this.heldAt(distribution, change));
      }
    }

    async heldAt(distribution: string, change: number): Promise<string[]> {
      const sources = await site.database.read
        .selectFrom("source_memberships as members")
        .innerJoin("source_packages as packages", "packages.id", "members.source_package_id")
        .select(["packages.name", "packages.version", "valid_from", "valid_to"])
        .where("distribution", "=", distribution)
        .execute();
      const binaries = await site.database.read
        .selectFrom("binary_memberships as members")
        .innerJoin("binary_packages as packages", "packages.id", "members.binary_package_id")
        .select(["packages.name", "packages.version", "valid_from", "valid_to"])
        .where("distribution", "=", distribution)
        .execute();
      const then = (row: { valid_from: number; valid_to: number | null }): boolean =>
        row.valid_from <= change && (row.valid_to === null || row.valid_to > change);
      return [
        ...sources.filter(then).map(({ name, version }) => `source ${name} ${version}`),
        ...binaries.filter(then).map(({ name, version }) => `binary ${name} ${version}`),
      ].sort();
    }

    /** Every point that anybody may ask for holds what it held, and its files are there. Returns all that is referred to. */
    async expectWhole(): Promise<Set<string>> {
      const referred = new Set<string>();
      for (const stage of STAGES) {
        const distribution = this.distribution(stage);
        for (const change of await this.#rememberedChanges(distribution)) {
          const held = await this.heldAt(distribution, change);
          expect({ distribution, change, held }).toEqual({
            distribution,
            change,
            held: this.#held.get(`${distribution} ${change}`),
          });
          for (const member of held) referred.add(member);
        }
      }
      for (const member of referred) await this.#expectFiles(member);
      return referred;
    }

    async #rememberedChanges(distribution: string): Promise<number[]> {
      const { change } = await this.#row(distribution);
      const published = await site.database.read
        .selectFrom("publications")
        .select("change")
        .where("distribution", "=", distribution)
        .where("state", "=", "published")
        .execute();
      const snapshots = await site.database.read
        .selectFrom("snapshots")
        .select("change")
        .where("distribution", "=", distribution)
        .execute();
      return [change, ...published.map((row) => row.change), ...snapshots.map((row) => row.change)];
    }

    async #expectFiles(member: string): Promise<void> {
      const [kind, name, version] = member.split(" ");
      const made = packages.get(`${name} ${version}`);
      const files = kind === "source" ? [made?.source.dsc, ...(made?.source.files ?? [])] : [made?.deb];
      for (const file of files) {
        if (file === undefined) throw new Error(`${member} was never made`);
        const [place] = await site.database.read
          .selectFrom("pool_paths")
          .selectAll()
          .where("repository_id", "=", this.repositoryId)
          .where("name", "=", file.name)
          .execute();
        expect(place, `${member}: ${file.name}`).toMatchObject({ sha256: file.sha256 });
        await access(site.archive.contentStore.pathOf(file.sha256));
        if (place?.is_linked === 1) await access(join(site.homePath, "repositories", this.repositoryId, place.path));
      }
    }

    async #row(distribution: string): Promise<{ change: number }> {
      return site.database.read
        .selectFrom("distributions")
        .select("change")
        .where("name", "=", distribution)
        .executeTakeFirstOrThrow();
    }
  }

  async function packagesThere(repositoryId: string): Promise<string[]> {
    const sources = await site.database.read
      .selectFrom("source_packages")
      .select(["name", "version"])
      .where("repository_id", "=", repositoryId)
      .execute();
    const binaries = await site.database.read
      .selectFrom("binary_packages")
      .select(["name", "version"])
      .where("repository_id", "=", repositoryId)
      .execute();
    return [
      ...sources.map(({ name, version }) => `source ${name} ${version}`),
      ...binaries.map(({ name, version }) => `binary ${name} ${version}`),
    ].sort();
  }

  async function identityCount(): Promise<number> {
    return (await site.database.read.selectFrom("installed_identities").select("name").execute()).length;
  }

  type Act = (history: History) => Promise<void>;
  const stage = fc.constantFrom(...STAGES);
  const act: fc.Arbitrary<{ readonly text: string; readonly run: Act }> = fc.oneof(
    {
      weight: 5,
      arbitrary: fc
        .tuple(stage, fc.constantFrom(...NAMES), fc.constantFrom(...VERSIONS))
        .map(([s, n, v]) => ({ text: `install ${s} ${n} ${v}`, run: (h: History) => h.install(s, n, v) })),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(stage, fc.constantFrom(...NAMES))
        .map(([s, n]) => ({ text: `remove ${s} ${n}`, run: (h: History) => h.remove(s, n) })),
    },
    { weight: 1, arbitrary: stage.map((s) => ({ text: `undo ${s}`, run: (h: History) => h.undo(s) })) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(stage, fc.constantFrom(...NAMES), fc.constantFrom(...VERSIONS))
        .map(([s, n, v]) => ({ text: `restore ${s} ${n} ${v}`, run: (h: History) => h.restore(s, n, v) })),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(stage, fc.constantFrom("a", "b"))
        .map(([s, n]) => ({ text: `snapshot ${s} ${n}`, run: (h: History) => h.snapshot(s, n) })),
    },
    { weight: 3, arbitrary: fc.constant({ text: "publish", run: (h: History) => h.publish() }) },
    {
      weight: 2,
      arbitrary: fc
        .integer({ min: 1, max: 20 })
        .map((days) => ({ text: `${days} days`, run: async () => db.clock.advance(days * DAY_MS) })),
    },
  );

  test("whatever happened, nothing goes that anything refers to, and all else does", async () => {
    let number = 0;
    const settings = fc.record({
      keep: fc.integer({ min: 0, max: 2 }),
      keepDays: fc.option(fc.integer({ min: 0, max: 30 }), { nil: undefined }),
      historyDays: fc.option(fc.integer({ min: 0, max: 15 }), { nil: undefined }),
    });

    await fc.assert(
      fc.asyncProperty(
        settings,
        fc.array(fc.array(act, { minLength: 4, maxLength: 9 }), { minLength: 2, maxLength: 3 }),
        async (given, parts) => {
          number += 1;
          const history = new History(`r${number}`);
          await history.begin(given);
          for (const acts of parts) {
            for (const { run } of acts) await run(history);
            const identities = await identityCount();

            const foreseen = await site.archive.retention.preview();
            const report = await site.archive.retention.apply();
            await history.note();

            expect(report).toEqual(foreseen);
            expect(await identityCount()).toBe(identities);
            const referred = await history.expectWhole();
            // What came in the last day stays in any case.
            db.clock.advance(2 * DAY_MS);
            await site.archive.retention.apply();
            await history.note();
            const still = await history.expectWhole();
            const historyEnds =
              (
                await site.database.read
                  .selectFrom("binary_memberships")
                  .select("id")
                  .where("distribution", "like", `sid-${history.repositoryId}-%`)
                  .where("valid_to", "is not", null)
                  .execute()
              ).length === 0;
            if (historyEnds) expect(await packagesThere(history.repositoryId)).toEqual([...still].sort());
            expect([...still].every((member) => referred.has(member))).toBe(true);
          }
        },
      ),
      { numRuns: engine === "sqlite" ? 6 : 3 },
    );
  });

  test("what left is forgotten in its time, with its files; its identity is not", async () => {
    const history = new History("test");
    await history.begin({ keep: 0, historyDays: 10 });
    for (const version of ["1.0-1", "1.0-2", "2.0-1"]) {
      await history.install("stable", "alpha", version);
      await history.publish();
      db.clock.advance(DAY_MS);
    }
    const early = await site.archive.retention.apply();
    db.clock.advance(20 * DAY_MS);
    await history.install("stable", "beta", "1.0-1");
    await history.publish();
    db.clock.advance(20 * DAY_MS);

    const foreseen = await site.archive.retention.preview();
    const filesBefore = await poolFiles();
    await ageContents();
    const report = await site.archive.retention.apply();

    expect(early).toMatchObject({ sourcePackages: 0, files: 0, freedBytes: 0, forgotten: [] });
    expect(foreseen).toEqual(report);
    expect(filesBefore).toContain("alpha_1.0-1_all.deb");
    expect((await poolFiles()).filter((name) => name.startsWith("alpha"))).toEqual([
      "alpha_2.0-1.debian.tar.gz",
      "alpha_2.0-1.dsc",
      "alpha_2.0-1_all.deb",
      "alpha_2.0.orig.tar.gz",
    ]);
    expect(report).toMatchObject({ sourcePackages: 2, binaryPackages: 2, files: 7 });
    expect(report.freedBytes).toBeGreaterThan(500);
    expect(await storedContents()).toBe((await poolFiles()).length);
    expect(await identityCount()).toBe(15);
  });

  test("a source that a binary package was built using stays as long as that one", async () => {
    packages.set("user 1.0", await make("user", "1.0", "alpha (= 1.0-1)"));
    const history = new History("test");
    await history.begin({ keep: 0, historyDays: 1 });
    await history.install("stable", "alpha", "1.0-1");
    await history.install("stable", "user", "1.0");
    await history.install("stable", "alpha", "2.0-1");
    await history.install("stable", "beta", "1.0-1");
    await history.publish();
    db.clock.advance(5 * DAY_MS);

    await site.archive.retention.apply();

    expect(await packagesThere("test")).toContain("source alpha 1.0-1");
    expect(await packagesThere("test")).not.toContain("binary alpha 1.0-1");
    expect(await poolFiles()).toContain("alpha_1.0.orig.tar.gz");
  });

  test("older versions leave when they are too many, or were superseded too long ago; the newest never", async () => {
    const history = new History("test");
    await history.begin({ keep: 3 });
    for (const version of VERSIONS) await history.install("stable", "alpha", version);
    await history.publish();
    db.clock.advance(9 * DAY_MS);
    await history.begin({ keep: 2 });
    const byNumber = await site.archive.retention.apply();
    await history.begin({ keep: 2, keepDays: 8 });
    const byAge = await site.archive.retention.apply();

    const leaving = (versions: readonly { version: string }[]): string[] =>
      versions.map(({ version }) => version).sort((a, b) => compareVersions(a as Version, b as Version));
    expect(leaving(byNumber.leaving)).toEqual(["1.0-1"]);
    expect(leaving(byAge.leaving)).toEqual(["1.0-2", "2.0-1"]);
    expect(await history.heldAt("sid-test-stable", 1000)).toEqual(["binary alpha 2.1-1", "source alpha 2.1-1"]);
  });

  async function poolFiles(): Promise<string[]> {
    const entries = await readdir(join(site.homePath, "repositories/test/pool"), { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map(({ name }) => name)
      .sort();
  }

  /** Files have the system's time, not the test's. */
  async function ageContents(): Promise<void> {
    const entries = await readdir(join(site.homePath, "pool"), { recursive: true, withFileTypes: true });
    const old = new Date("2020-01-01T00:00:00Z");
    for (const { parentPath, name } of entries.filter((entry) => entry.isFile())) await utimes(join(parentPath, name), old, old);
  }

  async function storedContents(): Promise<number> {
    const entries = await readdir(join(site.homePath, "pool"), { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).length;
  }
});
