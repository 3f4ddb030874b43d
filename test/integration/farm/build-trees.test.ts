import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { relieveBuildTrees } from "../../../src/farm/index.ts";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "mbd-trees-"));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

async function addBuild(source: string, madeAt: string): Promise<void> {
  const path = join(directory, source, "1.0", "20261122:130513:909198", "amd64");
  await mkdir(path, { recursive: true });
  await writeFile(join(path, `${source}_1.0_amd64.buildlog.gz`), "log");
  const tree = join(path, `${source}_1.0_amd64.build-tree.tar.zst`);
  await writeFile(tree, "x".repeat(1_000));
  await utimes(tree, new Date(madeAt), new Date(madeAt));
}

async function trees(): Promise<string[]> {
  const names = await readdir(directory, { recursive: true });
  return names
    .filter((name) => name.endsWith(".tar.zst"))
    .map((name) => name.split("/")[0] ?? "")
    .toSorted();
}

test("of the build trees the oldest go until the rest is within the bound; nothing else goes", async () => {
  await addBuild("newest", "2026-03-03");
  await addBuild("oldest", "2026-01-01");
  await addBuild("older", "2026-02-02");

  expect(await relieveBuildTrees(directory, (sizeBytes) => sizeBytes <= 2_000)).toBe(1);
  expect(await trees()).toEqual(["newest", "older"]);
  expect(await relieveBuildTrees(directory, (sizeBytes) => sizeBytes <= 2_000)).toBe(0);
  expect(await relieveBuildTrees(directory, () => false)).toBe(2);
  expect((await readdir(directory, { recursive: true })).filter((name) => name.endsWith(".buildlog.gz")).length).toBe(3);
  expect(await relieveBuildTrees(join(directory, "none"), () => false)).toBe(0);
});
