import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { removeSourceVersion } from "../../../src/archive/index.ts";
import { runChecked } from "../../../src/runtime/index.ts";
import { type AptRoot, aptSource, makeAptRoot } from "../../support/apt.ts";
import { distributionSettings, makeTestArchive, type TestArchive } from "../../support/archive.ts";
import { engines, useDatabase } from "../../support/database.ts";
import { makeDeb, makeSource, writeMadeFile } from "../../support/packages.ts";
import { type StaticServer, serveDirectory } from "../../support/static-server.ts";

/** Every kind of package that a build may leave, through the archive, with apt as the judge. */

const UNSTABLE = "bookworm-test-unstable";
const TESTING = "bookworm-test-testing";

describe.each(engines)("kinds of packages on %s", (engine) => {
  const db = useDatabase(engine);
  let scratchPath: string;
  let site: TestArchive;
  let server: StaticServer;
  const roots: AptRoot[] = [];

  beforeEach(async () => {
    scratchPath = await mkdtemp(join(tmpdir(), "mbd-kinds-"));
    site = await makeTestArchive({ database: db });
    await site.ensure(distributionSettings(UNSTABLE), distributionSettings(TESTING));
    server = await serveDirectory(join(site.homePath, "repositories"));
  });

  afterEach(async () => {
    for (const root of roots.splice(0)) await root.dispose();
    await server.close();
    await site.dispose();
    await rm(scratchPath, { recursive: true, force: true });
  });

  /** An apt that has just updated. */
  async function apt(options: { architecture?: string; components?: string[]; suite?: string } = {}): Promise<AptRoot> {
    await site.archive.untilPublished();
    const { architecture = "amd64", components = ["main", "contrib"], suite = UNSTABLE } = options;
    const armoredKey = site.key.armoredPublicKey();
    const sources = aptSource({ uri: `${server.url}/test`, suites: [suite], components, armoredKey });
    const root = await makeAptRoot({ sources, architecture });
    roots.push(root);
    await root.must("apt-get", "update");
    return root;
  }

  async function fetched(root: AptRoot): Promise<string[]> {
    return (await readdir(join(root.path, "cache/archives"))).filter((name) => /\.d?deb$/.test(name)).toSorted();
  }

  test("arch:all reaches an architecture that is added later", async () => {
    await site.install(UNSTABLE, { debs: [await makeDeb(scratchPath, { name: "all" })] });
    await site.archive.untilPublished();

    await site.ensure(distributionSettings(UNSTABLE, { architectures: ["amd64", "arm64"] }));
    const arm = await apt({ architecture: "arm64" });

    await arm.must("apt-get", "install", "--download-only", "all");
    expect(await fetched(arm)).toEqual(["all_1.0-1_all.deb"]);
  });

  test.each([
    ["Debian", ["main", "contrib", "non-free", "non-free-firmware"]],
    ["Ubuntu", ["main", "restricted", "universe", "multiverse"]],
  ])("the section tells the component: %s", async (_of, components) => {
    await site.ensure(distributionSettings(UNSTABLE, { components }));
    for (const component of components) {
      const section = component === "main" ? "utils" : `${component}/utils`;
      await site.install(UNSTABLE, {
        source: await makeSource(scratchPath, { name: `of-${component}`, section }),
        debs: [await makeDeb(scratchPath, { name: `of-${component}`, section })],
      });
    }

    for (const component of components) {
      const root = await apt({ components: [component] });
      await root.must("apt-get", "install", "--download-only", `of-${component}`);
      await root.must("apt-get", "source", "--download-only", `of-${component}`);
      expect(await root.must("apt-cache", "pkgnames")).toBe(`of-${component}\n`);
    }
  });

  test("debug symbols are packages like others, by Debian's name and by Ubuntu's", async () => {
    const common = { source: "hello", architecture: "amd64", section: "debug" };
    await site.install(UNSTABLE, {
      debs: [
        await makeDeb(scratchPath, { ...common, name: "hello-dbgsym", fields: { "Auto-Built-Package": "debug-symbols" } }),
        await makeDeb(scratchPath, { ...common, name: "greet-dbgsym", extension: "ddeb" }),
      ],
    });

    const root = await apt();
    await root.must("apt-get", "install", "--download-only", "hello-dbgsym", "greet-dbgsym");

    const pool = await readdir(join(site.homePath, "repositories/test/pool/main/h/hello"));
    expect(pool.toSorted()).toEqual(["greet-dbgsym_1.0-1_amd64.ddeb", "hello-dbgsym_1.0-1_amd64.deb"]);
    expect(await fetched(root)).toHaveLength(2);
  });

  test("udebs are in the installer's index, and in no other", async () => {
    await site.install(UNSTABLE, {
      debs: [
        await makeDeb(scratchPath, { name: "hello" }),
        await makeDeb(scratchPath, { name: "hello-udeb", extension: "udeb" }),
      ],
    });

    const root = await apt();

    expect(await root.must("apt-cache", "pkgnames")).toBe("hello\n");
    const index = join(site.homePath, "repositories/test/dists", UNSTABLE, "main/debian-installer/binary-amd64/Packages.gz");
    const text = (await runChecked({ argv: ["gzip", "-dc", index] })).stdout.toString("utf8");
    expect(text).toMatch(/^Package: hello-udeb\n[^]*^Filename: pool\/main\/h\/hello-udeb\/hello-udeb_1\.0-1_all\.udeb$/m);
    expect(text).not.toContain("Package: hello\n");
    const installer = await apt({ components: ["main/debian-installer"] });
    expect(await installer.must("apt-cache", "pkgnames")).toBe("hello-udeb\n");
    await installer.must("apt-get", "download", "hello-udeb");
    expect(await readdir(join(installer.path, "work"))).toEqual(["hello-udeb_1.0-1_all.udeb"]);
  });

  test("what a package was built using stays available, and comes along, as an extra source", async () => {
    const oldLibrary = await makeSource(join(scratchPath, "1"), { name: "library", version: "1.0-1" });
    const newLibrary = await makeSource(join(scratchPath, "2"), { name: "library", version: "2.0-1" });
    const user = await makeDeb(scratchPath, {
      name: "user",
      architecture: "amd64",
      fields: { "Static-Built-Using": "library (= 1.0-1), libc (= 2.36-9)" },
    });
    await site.ensure(distributionSettings(UNSTABLE, { keep: 0 }), distributionSettings(TESTING, { keep: 0 }));
    await site.install(UNSTABLE, { source: oldLibrary });
    await site.install(UNSTABLE, { debs: [user] });
    // While it is there itself, nothing is extra.
    expect(await (await apt()).must("apt-cache", "showsrc", "library")).not.toContain("Extra-Source-Only");

    await site.install(UNSTABLE, { source: newLibrary });
    const root = await apt();
    const shown = await root.must("apt-cache", "showsrc", "library");
    expect(shown.match(/^(Version|Extra-Source-Only): .*$/gm)?.toSorted()).toEqual([
      "Extra-Source-Only: yes",
      "Version: 1.0-1",
      "Version: 2.0-1",
    ]);
    await root.must("apt-get", "source", "--download-only", "library=1.0-1");
    // The newest is the other.
    expect(await root.must("apt-get", "source", "--print-uris", "library")).toContain("library_2.0-1.dsc");

    // To another distribution it comes with its user.
    await site.install(TESTING, { debs: [user] });
    const testing = await apt({ suite: TESTING });
    await testing.must("apt-get", "source", "--download-only", "library=1.0-1");

    await db.database.transaction((tx) => removeSourceVersion(tx, { distribution: UNSTABLE, source: "user", version: "1.0-1" }));
    const after = await (await apt()).must("apt-cache", "showsrc", "library");
    expect(after.match(/^(Version|Extra-Source-Only): .*$/gm)).toEqual(["Version: 2.0-1"]);
  });

  test("a .buildinfo is kept and served", async () => {
    const file = await writeMadeFile(scratchPath, "hello_1.0-1_amd64.buildinfo", Buffer.from("Format: 1.0\nSource: hello\n"));
    await site.install(UNSTABLE, {
      debs: [await makeDeb(scratchPath)],
      buildinfos: [{ file, source: "hello", sourceVersion: "1.0-1" }],
    });
    await site.archive.untilPublished();

    const path = `test/pool/buildinfo/hello/${file.sha256.slice(0, 12)}/hello_1.0-1_amd64.buildinfo`;
    const answer = await fetch(`${server.url}/${path}`);
    expect(await answer.text()).toBe(await readFile(file.path, "utf8"));
  });

  test("a file that is in the pool already is taken again; another of its name is not", async () => {
    const first = await makeSource(join(scratchPath, "1"), { name: "hello", version: "1.0-1" });
    const second = await makeSource(join(scratchPath, "2"), { name: "hello", version: "1.0-2" });
    const other = await makeSource(join(scratchPath, "3"), { name: "hello", version: "1.0-3", upstreamText: "another orig" });
    const deb = await makeDeb(scratchPath, { name: "hello-data", source: "hello" });
    await site.install(UNSTABLE, { source: first, debs: [deb] });

    await site.install(UNSTABLE, { source: second });
    await site.install(TESTING, { source: first, debs: [deb] });
    await expect(site.install(UNSTABLE, { source: other })).rejects.toMatchObject({ code: "IDENTITY_CONFLICT" });

    const root = await apt();
    await root.must("apt-get", "source", "--download-only", "hello=1.0-1");
    await root.must("apt-get", "source", "--download-only", "hello=1.0-2");
    const testing = await apt({ suite: TESTING });
    await testing.must("apt-get", "install", "--download-only", "hello-data");
    expect(
      (await readdir(join(site.homePath, "repositories/test/pool/main/h/hello"))).filter((name) => /orig/.test(name)),
    ).toEqual(["hello_1.0.orig.tar.gz"]);
  });
});
