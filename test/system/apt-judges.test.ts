import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createDeliveryHandler } from "../../src/http/index.ts";
import { silentLogger, systemClock } from "../../src/runtime/index.ts";
import { Testbeds } from "../../src/testbed/index.ts";
import { distributionSettings, makeTestArchive, type TestArchive } from "../support/archive.ts";
import { type Judge, openJudge } from "../support/judges.ts";
import { makeDeb, makeSource } from "../support/packages.ts";
import { type StaticServer, serveHandler } from "../support/static-server.ts";
import { layersDirectory } from "../support/testbeds.ts";

/** One archive of ours, judged by apt of every Debian release from bullseye on. */

const UNSTABLE = "bookworm-test-unstable";
const EMPTY = "bookworm-test-stable";
const COMPONENTS = ["main", "contrib", "non-free", "non-free-firmware"];
const VERSION = "1:2.0~rc1+b-1";

let scratchPath: string;
let site: TestArchive;
let server: StaticServer;
let testbeds: Testbeds;

beforeAll(async () => {
  scratchPath = await mkdtemp(join(tmpdir(), "mbd-judges-"));
  site = await makeTestArchive();
  await site.ensure(
    distributionSettings(UNSTABLE, { components: COMPONENTS, architectures: ["amd64", "arm64"], compressions: ["zst"] }),
    distributionSettings(EMPTY, { components: COMPONENTS }),
  );
  await publishPackages();
  server = await serveHandler(createDeliveryHandler({ repositoriesPath: join(site.homePath, "repositories") }));
  testbeds = await Testbeds.open({ directory: layersDirectory(), clock: systemClock, logger: silentLogger });
});

afterAll(async () => {
  await testbeds?.close();
  await server?.close();
  await site?.dispose();
  await rm(scratchPath, { recursive: true, force: true });
});

async function publishPackages(): Promise<void> {
  const common = { source: "libg++-x", version: VERSION };
  await site.install(UNSTABLE, {
    source: await makeSource(scratchPath, { name: "libg++-x", version: VERSION, section: "contrib/misc" }),
    debs: [
      await makeDeb(scratchPath, {
        ...common,
        name: "g++-x",
        architecture: "amd64",
        fields: { Depends: "x-contrib (= 1:2.0~rc1+b-1)" },
      }),
      ...(await Promise.all(
        COMPONENTS.slice(1).map((component) =>
          makeDeb(scratchPath, { ...common, name: `x-${component}`, section: `${component}/misc` }),
        ),
      )),
      await makeDeb(scratchPath, { ...common, name: "x-udeb", extension: "udeb" }),
    ],
  });
  await site.archive.untilPublished();
}

function sources(): string {
  return `Types: deb deb-src\nURIs: ${server.url}/repositories/test\nSuites: ${UNSTABLE} ${EMPTY}\nComponents: ${COMPONENTS.join(" ")}\n`;
}

describe.each(["bullseye", "bookworm", "trixie", "sid"])("apt of %s", (codename) => {
  let judge: Judge;

  beforeAll(async () => {
    judge = await openJudge(testbeds, { codename, sources: sources(), armoredKey: site.key.armoredPublicKey() });
    const before = server.answers.length;
    await judge.must("apt-get", "update");
    const paths = server.answers.slice(before).map(({ path, status }) => `${status} ${path}`);
    // The other suite is empty, and no less valid for it.
    expect(paths).toContain(`200 /repositories/test/dists/${EMPTY}/InRelease`);
    expect(paths.filter((path) => path.startsWith("200") && path.includes("/by-hash/")).length).toBeGreaterThan(0);
    expect(paths.filter((path) => /\/(Packages|Sources)/.test(path))).toEqual([]);
  });

  afterAll(async () => {
    await judge?.session.close();
  });

  test("installs packages of every component, with their dependencies", async () => {
    const names = COMPONENTS.slice(1).map((component) => `x-${component}`);

    await judge.must("apt-get", "-q", "install", "g++-x", ...names);

    const status = await judge.must("dpkg-query", "-W", "-f", "${Package} ${Version} ${Status}\\n", "g++-x", ...names);
    expect(status.trim().split("\n").toSorted()).toEqual(
      ["g++-x", ...names].map((name) => `${name} ${VERSION} install ok installed`).toSorted(),
    );
  });

  test("downloads the source package, whole", async () => {
    await judge.must("apt-get", "-q", "source", "--download-only", "libg++-x");

    const names = await judge.must("sh", "-c", "cd /root; ls libg++-x_*");
    expect(names.trim().split("\n")).toEqual([
      "libg++-x_2.0~rc1+b-1.debian.tar.gz",
      "libg++-x_2.0~rc1+b-1.dsc",
      "libg++-x_2.0~rc1+b.orig.tar.gz",
    ]);
  });

  test("sees no udeb among the packages", async () => {
    expect((await judge.run("apt-cache", "show", "x-udeb")).exitCode).not.toBe(0);
  });

  test("reads each form of the indexes", async () => {
    const release = await (await fetch(`${server.url}/repositories/test/dists/${UNSTABLE}/Release`)).text();
    for (const form of ["gz", "xz", "zst"]) {
      await judge.must("sh", "-c", "rm -r /var/lib/apt/lists/*");
      const before = server.answers.length;

      await judge.must("apt-get", `-o=Acquire::CompressionTypes::Order::=${form}`, "update");

      const hashes = server.answers
        .slice(before)
        .flatMap(({ path }) => (path.includes(`/${UNSTABLE}/`) ? (/by-hash\/SHA\d+\/(\w+)$/.exec(path)?.[1] ?? []) : []));
      const forms = hashes.map((hash) => new RegExp(`^ ${hash} \\d+ .*\\.(\\w+)$`, "m").exec(release)?.[1]);
      expect([form, [...new Set(forms)]]).toEqual([form, [form]]);
      expect(await judge.must("apt-cache", "show", "g++-x")).toContain(`Version: ${VERSION}\n`);
      await judge.must("apt-cache", "showsrc", "libg++-x");
    }
  });

  test("an unchanged archive costs no download", async () => {
    const before = server.answers.length;

    await judge.must("apt-get", "update");

    expect(server.answers.slice(before).filter(({ status }) => status === 200)).toEqual([]);
  });
});
