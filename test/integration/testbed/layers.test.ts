import { chmod, mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { defaultLimits, ManualClock, runChecked, silentLogger, systemClock } from "../../../src/runtime/index.ts";
import { loadIdMap } from "../../../src/testbed/id-map.ts";
import { type DependencyLayer, type DependencyLayerRequest, Testbeds } from "../../../src/testbed/index.ts";
import { LayerStore } from "../../../src/testbed/layer-store.ts";
import { serveDirectory } from "../../support/static-server.ts";
import { openRealTestbeds, type RealTestbeds } from "../../support/testbeds.ts";

let real: RealTestbeds;
let archive: string;
const made: string[] = [];

beforeAll(async () => {
  real = await openRealTestbeds();
  archive = await mkdtemp("/var/tmp/mbd-archive-");
  await chmod(archive, 0o755);
});

afterAll(async () => {
  const depth = new Map((await real.testbeds.listLayers()).map(({ id, on }) => [id, on.length]));
  const left = [...new Set(made)].filter((id) => depth.has(id));
  // What stands on others goes first.
  for (const id of left.toSorted((a, b) => (depth.get(b) ?? 0) - (depth.get(a) ?? 0))) await real.testbeds.removeLayer(id);
  const lists = (await real.testbeds.listLayers()).filter((layer) => layer.description === "package lists of test-local");
  for (const { id } of lists) await real.testbeds.removeLayer(id);
  await rm(archive, { recursive: true, force: true });
  await real?.dispose();
});

interface PackageOptions {
  readonly fields?: string;
  readonly postinst?: string;
  readonly content?: string;
}

/** Puts a package into the local archive. */
async function publish(name: string, version: string, options: PackageOptions = {}): Promise<void> {
  const tree = join(archive, "tree");
  await rm(tree, { recursive: true, force: true });
  await mkdir(join(tree, "DEBIAN"), { recursive: true });
  await mkdir(join(tree, "usr/share", name), { recursive: true });
  await writeFile(join(tree, "usr/share", name, "version"), options.content ?? version);
  const fields = options.fields === undefined ? "" : `${options.fields}\n`;
  const control = `Package: ${name}\nVersion: ${version}\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\n${fields}Description: test\n`;
  await writeFile(join(tree, "DEBIAN/control"), control);
  if (options.postinst !== undefined) await writeFile(join(tree, "DEBIAN/postinst"), options.postinst, { mode: 0o755 });
  await runChecked({ argv: ["dpkg-deb", "--root-owner-group", "--build", tree, join(archive, `${name}_${version}_all.deb`)] });
  const scanned = await runChecked({ argv: ["apt-ftparchive", "packages", "."], cwd: archive });
  await writeFile(join(archive, "Packages"), scanned.stdout);
  const release = await runChecked({ argv: ["apt-ftparchive", "release", "."], cwd: archive });
  await writeFile(join(archive, "Release"), release.stdout);
}

async function resolve(
  buildDepends: string,
  request: Partial<DependencyLayerRequest> & { revision?: string; testbeds?: Testbeds; uri?: string } = {},
): Promise<DependencyLayer> {
  const { revision, fields, testbeds = real.testbeds, uri = `file:${archive}`, ...rest } = request;
  const source = { name: "test-local", deb822: `Types: deb\nURIs: ${uri}\nSuites: ./\nTrusted: yes\n`, revision };
  const layer = await testbeds.ensureDependencyLayer({
    base: real.base,
    sources: [source],
    fields: { buildDepends, ...fields },
    withBuildEssential: false,
    ...rest,
  });
  made.push(...layer.layers.filter((id) => id !== real.base.id));
  return layer;
}

function names(layer: DependencyLayer): string[] {
  return layer.packages.map(({ name, version }) => `${name}=${version}`);
}

async function inside(layer: DependencyLayer, script: string): Promise<string> {
  await using session = await real.testbeds.startSession({ layers: layer.layers });
  return (await session.runChecked({ argv: ["sh", "-c", script] })).stdout.toString("utf8").trim();
}

test("exactly the resolved packages are installed, once", async () => {
  await publish("mbd-a", "1", { fields: "Depends: mbd-b | mbd-c\nRecommends: mbd-d" });
  for (const name of ["mbd-b", "mbd-c", "mbd-d"]) await publish(name, "1");

  const first = await resolve("mbd-a", { revision: "exact" });
  const second = await resolve("mbd-a (>= 1)", { revision: "exact" });

  expect(names(first)).toEqual(["mbd-a=1", "mbd-b=1"]);
  expect(second).toMatchObject({ layers: first.layers, wasThere: true });
  expect(
    await inside(first, "dpkg-query -Wf '${db:Status-Abbrev}${Package}\\n' 'mbd-*' | grep ^ii | tr -d '\\n'; dpkg --audit"),
  ).toBe("ii mbd-aii mbd-b");
  expect(await inside(first, "ls /etc/apt/sources.list.d /var/cache/apt/archives /var/lib/apt/lists | grep -c mbd || :")).toBe(
    "0",
  );
});

test("alternatives, architectures, profiles and conflicts are read as sbuild reads them", async () => {
  await publish("mbd-e", "1", { fields: "Conflicts: mbd-b" });

  expect(
    names(await resolve("mbd-c | mbd-b, mbd-none [!any], mbd-d <!nocheck>", { revision: "read", profiles: ["nocheck"] })),
  ).toEqual(["mbd-c=1"]);
  expect(names(await resolve("mbd-c", { revision: "read", fields: { buildDependsIndep: "mbd-d" } }))).toEqual(["mbd-c=1"]);
  expect(names(await resolve("mbd-c", { revision: "read", buildsAll: true, fields: { buildDependsIndep: "mbd-d" } }))).toEqual([
    "mbd-c=1",
    "mbd-d=1",
  ]);
  await expect(resolve("mbd-none | mbd-c", { revision: "read" })).rejects.toMatchObject({
    kind: "invalid",
    code: "BUILD_DEPENDS_UNSATISFIABLE",
  });
  await expect(resolve("mbd-e, mbd-b", { revision: "read" })).rejects.toMatchObject({ code: "BUILD_DEPENDS_UNSATISFIABLE" });
  await expect(resolve("mbd-a", { revision: "read", fields: { buildConflicts: "mbd-a (<< 2)" } })).rejects.toMatchObject({
    code: "BUILD_DEPENDS_UNSATISFIABLE",
  });
});

test("what cannot be satisfied is said with apt's reason", async () => {
  await expect(resolve("mbd-a (>= 7), mbd-missing", { revision: "reason" })).rejects.toMatchObject({
    message: expect.stringMatching(/mbd-a \(>= 7\) but .*mbd-missing but it is not installable/),
    // apt's words for a version that is too low are those for what cannot be installed for reasons behind it.
    facts: {
      missing: {
        relations: ["mbd-a (>= 7)", "mbd-missing"],
        isDeep: true,
        known: expect.arrayContaining([expect.objectContaining({ name: "mbd-a" })]),
      },
    },
  });
  await expect(resolve("mbd-a ((", { revision: "reason" })).rejects.toMatchObject({ code: "BUILD_DEPENDS_INVALID" });
});

test("a changed revision of a source is looked at, an unchanged one is not", async () => {
  const before = await resolve("mbd-d", { revision: "one" });
  await publish("mbd-d", "2");

  const unchanged = await resolve("mbd-d", { revision: "one" });
  const changed = await resolve("mbd-d", { revision: "two" });

  expect(unchanged.layers).toEqual(before.layers);
  expect(names(changed)).toEqual(["mbd-d=2"]);
});

test("what an archive gained without a word is found when a build that waits for it is tried again", async () => {
  await publish("mbd-late", "1");
  // As a base is: not of this second.
  for (const name of ["Packages", "Release"]) await utimes(join(archive, name), 1_000_000_000, 1_000_000_000);
  const server = await serveDirectory(archive);
  const clock = new ManualClock(systemClock.now());
  const { directory } = real;
  const testbeds = await Testbeds.open({ directory, clock, logger: silentLogger, limits: defaultLimits });
  const attempt = (): Promise<DependencyLayer> => resolve("mbd-late (>= 2)", { uri: server.url, testbeds });
  try {
    await expect(attempt()).rejects.toMatchObject({ facts: { missing: { relations: ["mbd-late (>= 2)"] } } });
    await publish("mbd-late", "2");
    // The lists are young.
    await expect(attempt()).rejects.toMatchObject({ code: "BUILD_DEPENDS_UNSATISFIABLE" });

    clock.advance(defaultLimits.dependencyRecheckMs);
    expect(names(await attempt())).toEqual(["mbd-late=2"]);
  } finally {
    await testbeds.close();
    await server.close();
  }
});

test("the same version with other content is another layer", async () => {
  await publish("mbd-f", "1", { content: "old" });
  const before = await resolve("mbd-f", { revision: "old" });
  await publish("mbd-f", "1", { content: "new" });
  const after = await resolve("mbd-f", { revision: "new" });

  expect(await inside(before, "cat /usr/share/mbd-f/version")).toBe("old");
  expect(await inside(after, "cat /usr/share/mbd-f/version")).toBe("new");
});

test("maintainer scripts have no network, and start no service", async () => {
  const server = createServer((socket) => socket.end("SECRET"));
  const port = await new Promise<number>((done) => {
    server.listen(0, "127.0.0.1", () => done((server.address() as { port: number }).port));
  });
  const connect = `perl -e 'use IO::Socket::INET; print IO::Socket::INET->new("127.0.0.1:${port}") ? "connected" : "refused"'`;
  await publish("mbd-g", "1", {
    postinst: `#!/bin/sh\n${connect} > /var/lib/mbd-g\n/usr/sbin/policy-rc.d || echo " $?" >> /var/lib/mbd-g\n`,
  });
  try {
    expect(await inside(await resolve("mbd-g", { revision: "network" }), "cat /var/lib/mbd-g")).toBe("refused 101");
  } finally {
    server.close();
  }
});

test("a maintainer script that fails is the package's fault, and leaves no layer", async () => {
  await publish("mbd-h", "1", { postinst: "#!/bin/sh\necho this is broken >&2\nexit 3\n" });

  // The second time shows that nothing of the first was taken for a layer.
  for (const revision of ["broken", "broken"]) {
    await expect(resolve("mbd-h", { revision })).rejects.toMatchObject({
      kind: "invalid",
      code: "BUILD_DEPENDS_NOT_INSTALLABLE",
    });
  }
});

test("a mirror that does not answer is no fault of the package", async () => {
  const source = { name: "test-gone", deb822: "Types: deb\nURIs: http://127.0.0.1:9/\nSuites: ./\nTrusted: yes\n" };
  const request = { base: real.base, sources: [source], fields: { buildDepends: "x" } };

  await expect(real.testbeds.ensureDependencyLayer(request)).rejects.toMatchObject({
    kind: "unavailable",
    code: "MIRROR_UNAVAILABLE",
  });
});

test("several that want the same layer at once share the making", async () => {
  await publish("mbd-i", "1");
  await resolve("mbd-a", { revision: "shared" });

  const [one, two, three] = await Promise.all([1, 2, 3].map(() => resolve("mbd-i", { revision: "shared" })));

  expect(two?.layers).toEqual(one?.layers);
  expect(three?.layers).toEqual(one?.layers);
});

test("a layer that is made afresh is the same; a change in it is found", async () => {
  await publish("mbd-k", "1", {
    postinst: "#!/bin/sh\nadduser --system --quiet mbd-k || useradd --system mbd-k\ndate > /var/log/mbd-k\n",
  });
  const layer = await resolve("mbd-k, mbd-a", { revision: "check" });
  const [id = ""] = layer.layers;

  expect(await real.testbeds.checkLayer(id)).toEqual({ layerId: id, outcome: "same", differences: [] });

  const store = await LayerStore.open(real.directory, await loadIdMap(), systemClock);
  const damage =
    'echo changed > "$1/usr/share/mbd-k/version"; touch "$1/usr/share/mbd-k/more"; rm "$1/var/lib/dpkg/info/mbd-k.postinst"';
  await store.asTestbedRoot(["sh", "-ec", damage, "sh", id]);
  expect(await real.testbeds.checkLayer(id)).toEqual({
    layerId: id,
    outcome: "different",
    differences: [
      "only in the layer: usr/share/mbd-k/more",
      "differs: usr/share/mbd-k/version",
      "only in the fresh one: var/lib/dpkg/info/mbd-k.postinst",
    ],
  });
  await expect(real.testbeds.checkLayer("deps-none")).rejects.toMatchObject({ code: "LAYER_NOT_FOUND" });
});

test("a layer begins on one that has most of its packages, and is the same as one made from the base", async () => {
  for (const name of ["mbd-m", "mbd-n", "mbd-o"]) await publish(name, "1");
  await publish("mbd-p", "1", { postinst: "#!/bin/sh\nrm /usr/share/mbd-m/version\n" });
  const small = await resolve("mbd-m, mbd-n", { revision: "nearest" });
  const other = await resolve("mbd-m, mbd-a", { revision: "nearest" });

  const large = await resolve("mbd-m, mbd-n, mbd-o, mbd-p", { revision: "nearest" });

  const [id = ""] = large.layers;
  expect(large.layers).toEqual([id, ...small.layers]);
  expect(other.layers).not.toContain(small.layers[0]);
  expect(names(large)).toEqual(["mbd-m=1", "mbd-n=1", "mbd-o=1", "mbd-p=1"]);
  expect(await inside(large, "ls /usr/share/mbd-m /usr/share/mbd-n; dpkg --audit")).toBe(
    "/usr/share/mbd-m:\n\n/usr/share/mbd-n:\nversion",
  );
  expect(await real.testbeds.checkLayer(id)).toEqual({ layerId: id, outcome: "same", differences: [] });
  await expect(real.testbeds.removeLayer(small.layers[0] ?? "")).rejects.toMatchObject({ code: "LAYER_IN_USE" });
  expect(await resolve("mbd-p, mbd-o, mbd-n, mbd-m", { revision: "nearest" })).toMatchObject({
    layers: large.layers,
    wasThere: true,
  });
});

test("a layer in use is not removed, nor evicted", async () => {
  await publish("mbd-j", "1");
  const layer = await resolve("mbd-j", { revision: "use" });
  const [id = ""] = layer.layers;
  const session = await real.testbeds.startSession({ layers: layer.layers });

  await expect(real.testbeds.removeLayer(id)).rejects.toMatchObject({ code: "LAYER_IN_USE" });
  await expect(real.testbeds.removeLayer(real.base.id)).rejects.toMatchObject({ code: "LAYER_IN_USE" });
  await session.close();
  await real.testbeds.removeLayer(id);

  await expect(real.testbeds.removeLayer(id)).rejects.toMatchObject({ code: "LAYER_NOT_FOUND" });
  const again = await resolve("mbd-j", { revision: "use" });
  expect(again.wasThere).toBe(false);
});

/** Two versions of one package of which apt prefers the lower one. */
function preferring(version: string): { name: string; deb822: string; preferences: string } {
  const deb822 = `Types: deb\nURIs: file:${archive}\nSuites: ./\nTrusted: yes\n`;
  const others = "Package: mbd-pin-*\nPin: version 2\nPin-Priority: 1\n";
  return {
    name: "test-local",
    deb822,
    preferences: `Package: mbd-pin-*\nPin: version ${version}\nPin-Priority: 500\n\n${others}`,
  };
}

test("a version of priority 1 is taken where nothing else satisfies, and only there", async () => {
  for (const name of ["mbd-pin-x", "mbd-pin-y"]) {
    await publish(name, "1");
    await publish(name, "2", name === "mbd-pin-x" ? { fields: "Depends: mbd-pin-z (>= 2)" } : {});
  }
  await publish("mbd-pin-z", "1");
  await publish("mbd-pin-z", "2");
  await publish("mbd-pin-user", "1", { fields: "Depends: mbd-pin-x (>= 2)" });
  const said: string[] = [];
  const request = { sources: [preferring("1")], onProgress: (line: string) => void said.push(line), revision: "pins" };

  expect(names(await resolve("mbd-pin-x, mbd-pin-y", request))).toEqual(["mbd-pin-x=1", "mbd-pin-y=1"]);
  expect(said.filter((line) => line.includes("its priority is lower"))).toEqual([]);
  const direct = ["mbd-pin-x=2", "mbd-pin-y=1", "mbd-pin-z=2"];
  expect(names(await resolve("mbd-pin-x (>= 2), mbd-pin-y", request))).toEqual(direct);
  expect(said).toContain(
    'mbd-pin-x 2 is taken although its priority is lower: nothing else satisfies "mbd-pin-x (>= 2)" (else it would be 1)',
  );
  expect(names(await resolve("mbd-pin-user", request))).toEqual(["mbd-pin-user=1", "mbd-pin-x=2", "mbd-pin-z=2"]);
  await expect(resolve("mbd-pin-x (>= 3)", request)).rejects.toMatchObject({ code: "BUILD_DEPENDS_UNSATISFIABLE" });
});
