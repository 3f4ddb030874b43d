import { mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { deliverFiles, verifyBuiltFiles } from "../../../src/builder/deliver.ts";
import type { BuildOrder } from "../../../src/buildorder/index.ts";
import { newBuild } from "../../support/farm.ts";
import { type MadeFile, makeChangesText, makeDeb, writeMadeFile } from "../../support/packages.ts";

const order: BuildOrder = { ...newBuild({ version: "1:1.0-1" }).order, buildId: "foo/1/t/amd64", attempt: 1 };
const everything = { any: true, all: true };
let resultPath: string;

beforeEach(async () => {
  resultPath = await mkdtemp(join(tmpdir(), "mbd-deliver-"));
});
afterEach(async () => rm(resultPath, { recursive: true, force: true }));

/** What a build leaves: a .changes that lists these files. */
async function leave(files: readonly MadeFile[], fields: Record<string, string> = {}): Promise<void> {
  const source = { name: "foo", version: "1:1.0-1", dsc: files[0] as MadeFile, files: [] };
  const text = makeChangesText({
    distribution: "bookworm-test-unstable",
    source,
    files,
    fields: { Architecture: "amd64", ...fields },
  });
  await writeFile(join(resultPath, "foo_1.0-1_amd64.changes"), text);
}

async function deb(architecture = "amd64", name = "foo"): Promise<MadeFile> {
  return makeDeb(resultPath, { name, version: "1:1.0-1", architecture });
}

test("the .changes and exactly what it lists are delivered", async () => {
  const built = [
    await deb(),
    await deb("all", "foo-doc"),
    await writeMadeFile(resultPath, "foo_1.0-1_amd64.buildinfo", Buffer.from("x")),
  ];
  await writeFile(join(resultPath, "something-else"), "not listed");
  await leave(built);

  const verified = await verifyBuiltFiles(order, everything, resultPath);

  expect(verified.files.map(({ name }) => name)).toEqual(["foo_1.0-1_amd64.changes", ...built.map(({ name }) => name)]);
  const output = await mkdtemp(join(tmpdir(), "mbd-delivered-"));
  await deliverFiles(verified, resultPath, output);
  await rm(output, { recursive: true });
});

async function refused(reason: RegExp, scope = everything): Promise<void> {
  await expect(verifyBuiltFiles(order, scope, resultPath)).rejects.toMatchObject({
    status: "package-failed",
    message: expect.stringMatching(reason) as string,
  });
}

test("no .changes", () => refused(/left no foo_1\.0-1_amd64\.changes/));

test("a .changes that is none", async () => {
  await writeFile(join(resultPath, "foo_1.0-1_amd64.changes"), "rubbish");
  await refused(/the \.changes of the build/);
});

test("a .changes about another package or version", async () => {
  await leave([await deb()], { Source: "bar" });
  await refused(/the build made bar 1:1\.0-1, ordered was foo/);
  await leave([await deb()], { Version: "1.0-1" });
  await refused(/the build made foo 1\.0-1, ordered was foo 1:1\.0-1/);
});

test("a listed file that is not there", async () => {
  const built = await deb();
  await leave([built]);
  await rm(built.path);
  await refused(/lists foo_1\.0-1_amd64\.deb, which is not there/);
});

test("a listed file that has other content", async () => {
  const built = await deb();
  await leave([built]);
  await writeFile(built.path, "other");
  await refused(/is not what the \.changes of the build says/);
});

test("a link out of the directory", async () => {
  const built = await deb();
  await leave([built]);
  await rename(built.path, `${built.path}.moved`);
  await symlink(`${built.path}.moved`, built.path);
  await refused(/no regular file/);
});

test.each(["../escape.deb", "a/b.deb", ".hidden.deb"])("the file name %s", async (name) => {
  const built = await deb();
  await leave([{ ...built, name }]);
  await refused(/file name/);
});

test("a file of a kind that builds do not make", async () => {
  await leave([await writeMadeFile(resultPath, "foo_1.0-1.dsc", Buffer.from("x"))]);
  await refused(/which is no \.deb, \.udeb, \.ddeb or \.buildinfo/);
});

test("a package of another architecture, or arch:all from a build that was not to make it", async () => {
  await leave([await deb("arm64")]);
  await refused(/was not asked of amd64/);
  await leave([await deb("all")]);
  await refused(/was not asked of amd64/, { any: true, all: false });
});
