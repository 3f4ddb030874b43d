import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ManualClock, runChecked, silentLogger } from "../../../src/runtime/index.ts";
import { type BaseLayerRequest, type Layer, Testbeds } from "../../../src/testbed/index.ts";
import { readHostRelease } from "../../support/host-archive.ts";

/** Base layers of a small variant: what is shown here is the same for the large ones, which take half a minute each. */

const DAY_MS = 24 * 60 * 60 * 1000;

let scratch: string;
let archive: string;
let testbeds: Testbeds;
let clock: ManualClock;
let request: BaseLayerRequest;

beforeAll(async () => {
  // Not below /tmp, which may be a tmpfs too small for testbeds.
  scratch = await mkdtemp("/var/tmp/mbd-bases-");
  archive = join(scratch, "archive");
  await mkdir(archive);
  await chmod(scratch, 0o755);
  clock = new ManualClock(new Date());
  testbeds = await Testbeds.open({ directory: join(scratch, "testbeds"), clock, logger: silentLogger, listsAgeMsMax: 0 });
  const release = await readHostRelease();
  const local = { name: "test-local", deb822: `Types: deb\nURIs: file:${archive}\nSuites: ./\nTrusted: yes\n` };
  request = {
    ...release,
    sources: [...release.sources, local],
    components: ["main"],
    variant: "apt",
    packages: ["mbd-extra"],
    aptOptions: ["Acquire::Check-Valid-Until=false"],
  };
  await publish("1");
});

afterAll(async () => {
  await testbeds.close();
  const store = join(scratch, "testbeds/store");
  await runChecked({ argv: ["mmdebstrap", "--unshare-helper", "sh", "-c", "rm -rf -- *"], cwd: store });
  await rm(scratch, { recursive: true, force: true });
});

/** The only package of the local archive. */
async function publish(version: string): Promise<void> {
  const tree = join(scratch, "tree");
  await mkdir(join(tree, "DEBIAN"), { recursive: true });
  const control = `Package: mbd-extra\nVersion: ${version}\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\nDescription: test\n`;
  await writeFile(join(tree, "DEBIAN/control"), control);
  await runChecked({ argv: ["dpkg-deb", "--root-owner-group", "--build", tree, join(archive, `mbd-extra_${version}_all.deb`)] });
  for (const [name, command] of [
    ["Packages", "packages"],
    ["Release", "release"],
  ] as const) {
    const made = await runChecked({ argv: ["apt-ftparchive", command, "."], cwd: archive });
    await writeFile(join(archive, name), made.stdout);
  }
}

async function inside(layer: Layer, script: string): Promise<string> {
  await using session = await testbeds.startSession({ layers: [layer.id] });
  return (await session.runChecked({ argv: ["sh", "-c", script] })).stdout.toString("utf8").trim();
}

const VERSION = "dpkg-query -Wf '${Version}' mbd-extra";

// Twice bootstrapped, on a machine that may be busy with other tests.
const TIMEOUT_MS = 600_000;

test(
  "a base layer is made, looked at, made again when its archive moved, and removed",
  async () => {
    const phases: string[] = [];

    const first = await testbeds.ensureBaseLayer({ ...request, onProgress: (line) => phases.push(line) });

    expect(phases.join("\n")).toMatch(/bootstrapping[^]*downloading packages[^]*extracting archives[^]*installing/);
    expect(await inside(first, VERSION)).toBe("1");
    expect(await inside(first, "apt-config dump Acquire::Check-Valid-Until")).toContain('"false"');
    expect(await testbeds.ensureBaseLayer(request)).toMatchObject({ id: first.id });

    expect(await testbeds.refreshBaseLayers({ usedAfter: new Date(clock.now().getTime() + 1) })).toEqual([]);
    const dayAgo = new Date(clock.now().getTime() - DAY_MS);
    const { codename, architecture } = request;
    const about = { codename, architecture };
    expect(await testbeds.refreshBaseLayers({ usedAfter: dayAgo })).toEqual([
      { ...about, outcome: "current", layerId: first.id, outdatedPackages: 0 },
    ]);

    // A build is running on the old one when the archive moves.
    await using build = await testbeds.startSession({ layers: [first.id] });
    await publish("2");
    // Lists older than no time at all are downloaded again.
    clock.advance(1);
    const [refresh] = await testbeds.refreshBaseLayers({ usedAfter: dayAgo });
    expect(refresh).toMatchObject({ ...about, outcome: "remade", outdatedPackages: 1 });
    const second = await testbeds.ensureBaseLayer(request);
    expect(second.id).toBe(refresh?.layerId);
    expect(second.id).not.toBe(first.id);
    expect(await inside(second, VERSION)).toBe("2");

    clock.advance(3 * DAY_MS);
    await testbeds.ensureBaseLayer(request);
    expect(await testbeds.evict({ unusedForMs: 14 * DAY_MS })).not.toContain(first.id);
    expect((await build.runChecked({ argv: ["sh", "-c", VERSION] })).stdout.toString()).toBe("1");
    await expect(testbeds.removeBaseLayers(codename, architecture)).rejects.toMatchObject({ code: "LAYER_IN_USE" });
    await build.close();
    expect(await testbeds.evict({ unusedForMs: 14 * DAY_MS })).toContain(first.id);
    expect(await testbeds.ensureBaseLayer(request)).toMatchObject({ id: second.id });

    expect(await testbeds.removeBaseLayers(codename, architecture)).toContain(second.id);
    expect(await testbeds.listLayers()).toEqual([]);
    await expect(testbeds.removeBaseLayers(codename, architecture)).rejects.toMatchObject({ code: "LAYER_NOT_FOUND" });
  },
  TIMEOUT_MS,
);

test.each([
  { packages: ["--hook-dir=/x"] },
  { packages: ["a,b"] },
  { aptOptions: ["APT::Update::Pre-Invoke=touch /x"] },
  { aptOptions: ["Dir::Bin::dpkg=/x"] },
  { aptOptions: ['Acquire::Retries=1"; Dir "/x'] },
])("what could be taken for something else is refused: %j", async (options) => {
  await expect(testbeds.ensureBaseLayer({ ...request, ...options })).rejects.toMatchObject({
    kind: "invalid",
    code: "BASE_LAYER_OPTION",
  });
});
