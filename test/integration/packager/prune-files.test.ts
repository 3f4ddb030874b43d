import { mkdir, readdir, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { buildLogPath } from "../../../src/farm/index.ts";
import { pruneFiles } from "../../../src/packager/index.ts";
import { engines } from "../../support/database.ts";
import { PackagerSite } from "./packager-site.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

describe.each(engines)("files of ended uploads, on %s", (engine) => {
  const site = PackagerSite.use(engine);
  let uploadId: string;

  beforeEach(async () => {
    ({ uploadId } = await site.install());
    const order = await site.order(uploadId, "amd64");
    await writeFile(`${buildLogPath(site.context.farm, { id: `${uploadId}/amd64`, order })}.gz`, "a log");
  });

  async function prune(days: { files: number; logs: number }): Promise<number> {
    const now = site.database.clock.now().getTime();
    const before = (count: number): Date => new Date(now - count * DAY_MS);
    return pruneFiles(site.context, { filesBefore: before(days.files), logsBefore: before(days.logs) });
  }

  async function files(): Promise<string[]> {
    const entries = await readdir(site.context.farm.buildsPath, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  }

  test("stay until their age has come, then only logs stay, then nothing", async () => {
    const all = await files();
    expect(all.length).toBeGreaterThan(4);

    expect(await prune({ files: 1, logs: 3 })).toBe(0);
    expect(await files()).toEqual(all);

    site.database.clock.advance(2 * DAY_MS);
    expect(await prune({ files: 1, logs: 3 })).toBe(1);
    expect(await files()).toEqual(["hello_1.0-1~test12+1_amd64.buildlog.gz"]);
    expect(await prune({ files: 1, logs: 3 })).toBe(0);

    site.database.clock.advance(2 * DAY_MS);
    expect(await prune({ files: 1, logs: 3 })).toBe(1);
    expect(await files()).toEqual([]);
    expect(await site.state(uploadId)).toBe("installed");
  });

  test("of an upload that is still on its way stay, however old", async () => {
    const building = await site.upload(await site.makeSource({ name: "slow" }));
    site.database.clock.advance(100 * DAY_MS);

    await prune({ files: 1, logs: 1 });

    expect(await site.state(building)).toBe("building");
    expect(await files()).toContain("slow_1.0-1~test12+1.dsc");
    expect(await files()).not.toContain("hello_1.0-1~test12+1.dsc");
  });

  test("of no upload at all go, and directories that rejected ones left empty", async () => {
    const { buildsPath } = site.context.farm;
    const stray = join(buildsPath, "stray/1.0/20200101:000000:000000/source");
    await mkdir(stray, { recursive: true });
    await writeFile(join(stray, "stray_1.0.dsc"), "x");
    const empty = join(buildsPath, "empty/1.0");
    await mkdir(empty, { recursive: true });
    const young = join(buildsPath, "young/1.0");
    await mkdir(young, { recursive: true });
    const longAgo = new Date(site.database.clock.now().getTime() - DAY_MS);
    for (const path of [empty, dirname(empty)]) await utimes(path, longAgo, longAgo);
    const now = site.database.clock.now();
    for (const path of [young, dirname(young)]) await utimes(path, now, now);

    await prune({ files: 1, logs: 1 });

    expect(await readdir(buildsPath)).not.toContain("empty");
    expect(await readdir(buildsPath)).toContain("young");
    expect(await files()).not.toContain("stray_1.0.dsc");
  });
});
