import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseChanges, parseDsc } from "../../../src/formats/index.ts";
import { runChecked } from "../../../src/runtime/index.ts";
import { makeChangesText, makeDeb, makeSource } from "../../support/packages.ts";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "mbd-packages-"));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

async function output(...argv: [string, ...string[]]): Promise<string> {
  return (await runChecked({ argv, cwd: directory, env: { HOME: directory } })).stdout.toString();
}

test("dpkg-deb reads a .deb that a test made", async () => {
  const deb = await makeDeb(directory, {
    name: "g++-x",
    version: "1:2.0~rc1-1",
    architecture: "amd64",
    fields: { Depends: "a" },
  });

  expect(deb.name).toBe("g++-x_2.0~rc1-1_amd64.deb");
  expect(await output("dpkg-deb", "-f", deb.path, "Version", "Depends")).toBe("Version: 1:2.0~rc1-1\nDepends: a\n");
  expect(await output("dpkg-deb", "-c", deb.path)).toContain("./usr/share/doc/g++-x/version");
});

test.each(["1.0", "1:1.0-1"])("dpkg-source unpacks source version %s, dpkg-buildpackage builds it", async (version) => {
  const source = await makeSource(directory, { version });

  await output("dpkg-source", "-x", source.dsc.path, "unpacked");
  await runChecked({
    argv: ["dpkg-buildpackage", "-us", "-uc", "-b", "-d"],
    cwd: join(directory, "unpacked"),
    env: { HOME: directory },
  });

  const debName = `hello_${version.replace("1:", "")}_all.deb`;
  expect(await output("dpkg-deb", "-f", join(directory, debName), "Version")).toBe(`${version}\n`);
});

test("our own parsers take the .dsc and the .changes", async () => {
  const source = await makeSource(directory);
  const text = makeChangesText({ source, distribution: "bookworm-test-unstable" });

  expect(parseDsc(await readFile(source.dsc.path)).files.map(({ name }) => name)).toEqual(source.files.map(({ name }) => name));
  expect(parseChanges(text).files).toHaveLength(3);
});
