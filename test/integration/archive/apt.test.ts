import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type AptRoot, aptSource, makeAptRoot } from "../../support/apt.ts";
import { distributionSettings, makeTestArchive, type TestArchive } from "../../support/archive.ts";
import { makeDeb, makeSource } from "../../support/packages.ts";
import { type StaticServer, serveDirectory } from "../../support/static-server.ts";

let scratchPath: string;
let site: TestArchive;
let server: StaticServer;
let apt: AptRoot;

const UNSTABLE = "bookworm-test-unstable";
const EXPERIMENTAL = "bookworm-test-experimental";
const EMPTY = "bookworm-test-stable";

beforeAll(async () => {
  scratchPath = await mkdtemp(join(tmpdir(), "mbd-apt-test-"));
  site = await makeTestArchive();
  await site.ensure(
    distributionSettings(UNSTABLE, { notAutomatic: true, butAutomaticUpgrades: true }),
    distributionSettings(EXPERIMENTAL, { notAutomatic: true }),
    distributionSettings(EMPTY),
  );
  await site.install(UNSTABLE, {
    source: await makeSource(scratchPath, { name: "libg++-x", version: "1:2.0~rc1+b-1" }),
    debs: [
      await makeDeb(scratchPath, { name: "g++-x", source: "libg++-x", version: "1:2.0~rc1+b-1", architecture: "amd64" }),
      await makeDeb(scratchPath, { name: "x-data", source: "libg++-x", version: "1:2.0~rc1+b-1", architecture: "all" }),
      await makeDeb(scratchPath, {
        name: "x-contrib",
        source: "libg++-x",
        version: "1:2.0~rc1+b-1",
        architecture: "all",
        section: "contrib/misc",
      }),
      await makeDeb(scratchPath, { name: "x-udeb", source: "libg++-x", version: "1:2.0~rc1+b-1", extension: "udeb" }),
    ],
  });
  await site.install(EXPERIMENTAL, { debs: [await makeDeb(scratchPath, { name: "later", architecture: "amd64" })] });
  await site.archive.untilPublished();

  server = await serveDirectory(join(site.homePath, "repositories"));
  apt = await makeAptRoot({ sources: sources(`${server.url}/test`, [UNSTABLE, EXPERIMENTAL, EMPTY]) });
  await apt.must("apt-get", "update");
});

afterAll(async () => {
  await apt.dispose();
  await server.close();
  await site.dispose();
  await rm(scratchPath, { recursive: true, force: true });
});

function sources(uri: string, suites: string[]): string {
  return aptSource({ uri, suites, components: ["main", "contrib"], armoredKey: site.key.armoredPublicKey() });
}

test("apt fetches indexes by hash and uses InRelease", () => {
  const paths = server.answers.filter(({ status }) => status === 200).map(({ path }) => path);

  expect(paths).toContain(`/test/dists/${UNSTABLE}/InRelease`);
  expect(paths.filter((path) => path.includes("/by-hash/")).length).toBeGreaterThan(0);
  expect(paths.filter((path) => /\/(Packages|Sources)/.test(path))).toEqual([]);
});

test("apt downloads packages with + and ~ and an epoch, of each component", async () => {
  await apt.must("apt-get", "install", "--download-only", "g++-x", "x-data", "x-contrib");

  const names = await readdir(join(apt.path, "cache/archives"));
  expect(names.filter((name) => name.endsWith(".deb")).sort()).toEqual([
    "g++-x_1%3a2.0~rc1+b-1_amd64.deb",
    "x-contrib_1%3a2.0~rc1+b-1_all.deb",
    "x-data_1%3a2.0~rc1+b-1_all.deb",
  ]);
});

test("apt downloads and unpacks the source", async () => {
  await apt.must("apt-get", "source", "libg++-x");

  expect(await readFile(join(apt.path, "work/libg++-x-2.0~rc1+b/README"), "utf8")).toBe("libg++-x 2.0~rc1+b\n");
});

test("apt sees priorities, origin and suite as the flags say", async () => {
  const policy = await apt.must("apt-cache", "policy");

  expect(policy).toMatch(new RegExp(`100 ${server.url}/test ${UNSTABLE}/main amd64 Packages`));
  expect(policy).toMatch(new RegExp(`1 ${server.url}/test ${EXPERIMENTAL}/main amd64 Packages`));
  expect(policy).toContain(`o=Test archive,a=${UNSTABLE},n=${UNSTABLE},l=${UNSTABLE}`);
});

test("udebs are not among the packages", async () => {
  expect((await apt.run("apt-cache", "show", "x-udeb")).exitCode).not.toBe(0);

  const path = `dists/${UNSTABLE}/main/debian-installer/binary-amd64/Packages.xz`;
  expect((await fetch(`${server.url}/test/${path}`)).status).toBe(200);
});

test("apt shows what the control file says, and no field twice", async () => {
  const shown = await apt.must("apt-cache", "show", "g++-x");

  expect(shown).toContain("Source: libg++-x\n");
  expect(shown).toContain("Filename: pool/main/libg/libg++-x/g++-x_2.0~rc1+b-1_amd64.deb\n");
  const names = shown.split("\n").map((line) => line.split(":")[0]);
  expect(names.filter((name) => name === "Description")).toHaveLength(1);
});

test.each(["file", "copy"])("the tree works without a server, by %s:", async (method) => {
  const local = await makeAptRoot({
    sources: sources(`${method}:${site.homePath}/repositories/test`, [UNSTABLE, EXPERIMENTAL, EMPTY]),
  });
  try {
    await local.must("apt-get", "update");
    await local.must("apt-get", "install", "--download-only", "g++-x", "x-contrib");
    await local.must("apt-get", "source", "libg++-x");
  } finally {
    await local.dispose();
  }
});
