import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { runCommand } from "../../src/runtime/index.ts";
import { Daemon, hostArchitecture, hostCodename } from "../support/daemon.ts";
import { openRealTestbeds } from "../support/testbeds.ts";

/* Keyring packages for two releases: an upgrade of the release is an upgrade of the package, for dpkg and for apt. */
const NAME = "test-archive-keyring";
/** The release after. */
const AFTER: Readonly<Record<string, string>> = { bookworm: "trixie", trixie: "forky" };

let daemon: Daemon;
/** Older release first. */
let codenames: readonly [string, string];

interface Made {
  readonly source: string;
  readonly version: string;
  readonly distribution: string;
}

beforeAll(async () => {
  const codename = await hostCodename();
  codenames = [codename, AFTER[codename] ?? "sid"];
  daemon = await Daemon.make({ catalog: await catalogOfBoth(), sharesLayers: true });
  await daemon.start();
  await daemon.apply();
});

afterAll(() => daemon?.remove());

async function catalogOfBoth(): Promise<string> {
  const architectures = `architectures = ["${await hostArchitecture()}"]`;
  return [
    "[archive-sources.host]",
    'from = "host"',
    ...codenames.flatMap((name) => [`[codenames.${name}]`, 'base = "host"', architectures, 'lintian = "disabled"']),
    "[repositories.test]",
    `codenames = ["${codenames[0]}", "${codenames[1]}"]`,
    'uploads = "unsigned"',
    "",
  ].join("\n");
}

let first: readonly Made[];
let migrated: Made;

test("without migration they are for both releases, the newer release's being the newer package, and stay where they are", async () => {
  first = await make("--without-migration");

  expect(first.map(({ source, distribution }) => [source, distribution])).toEqual(
    codenames.map((codename) => [NAME, `${codename}-test-unstable`]),
  );
  const [older, newer] = versionsOf(first);
  expect(older.slice(0, 14)).toBe(newer.slice(0, 14));
  expect(await isLower(older, newer)).toBe(true);
  expect(await whereIs()).toEqual(Object.fromEntries(first.map(({ distribution, version }) => [distribution, version])));
  expect((await daemon.events()).filter(({ type }) => type === "MIGRATED")).toEqual([]);
});

test("with it one comes to the last suite, newer than all before, and only where it was asked for", async () => {
  const [, newer] = codenames;
  const made = await make("--distributions", `${newer}-test-unstable`);
  const stable = `${newer}-test-stable`;
  await daemon.waitFor(`the migration to ${stable}`, ({ type, distribution }) => type === "MIGRATED" && distribution === stable);

  [migrated] = made as [Made];
  expect(made).toHaveLength(1);
  expect(await whereIs()).toMatchObject({ [stable]: migrated.version, [`${codenames[0]}-test-unstable`]: first[0]?.version });
  expect(Object.keys(await whereIs())).not.toContain(`${codenames[0]}-test-stable`);
  for (const before of versionsOf(first)) expect(await isLower(before, migrated.version)).toBe(true);
  await untilServed(stable, migrated.version);
});

test("apt upgrades the package with the release, and the key goes on to count", async () => {
  const real = await openRealTestbeds();
  await using session = await real.testbeds.startSession({ layers: [real.base.id], network: "host" });
  const [older, newer] = codenames;
  await session.copyIn(await sourcesOf(older, "unstable"), "/root/older.sources");
  await session.copyIn(await sourcesOf(newer, "stable"), "/root/newer.sources");
  const script = `
    set -e
    use() { rm -rf /etc/apt/sources.list.d/* /etc/apt/sources.list; cp "$1" /etc/apt/sources.list.d/own.sources; apt-get -q update --error-on=any >&2; }
    version() { dpkg-query -W -f='\${Status} \${Version}\\n' ${NAME}; }
    export DEBIAN_FRONTEND=noninteractive
    use /root/older.sources
    apt-get -qy install ${NAME} >&2
    version
    use /root/newer.sources
    apt-get -qy upgrade >&2
    version
    apt-get check >&2
    use /usr/share/${NAME}/sources.list.d/${newer}/test_stable.sources
    apt-cache policy ${NAME} | sed -n 's/^  Candidate: //p'`;
  const ended = await session.run({ argv: ["sh", "-c", script], timeoutMs: 300_000 });
  await real.dispose();

  expect([ended.exitCode, ended.stdout.toString("utf8"), ended.stderr.toString("utf8")]).toEqual([
    0,
    `install ok installed ${versionsOf(first)[0]}\ninstall ok installed ${migrated.version}\n${migrated.version}\n`,
    expect.anything(),
  ]);
});

/** Returns them when all are installed, that of the older release first. */
async function make(...options: string[]): Promise<readonly Made[]> {
  const made = JSON.parse(await daemon.command("keyring_packages", ...options, "--json")) as Made[];
  for (const { source, version } of made) {
    expect(await daemon.waitForEnd(source, version)).toMatchObject({ type: "INSTALLED" });
  }
  const order = (each: Made): number => codenames.findIndex((codename) => each.distribution.startsWith(`${codename}-`));
  return made.toSorted((one, other) => order(one) - order(other));
}

function versionsOf(made: readonly Made[]): readonly [string, string] {
  const [older, newer] = made;
  return [older?.version ?? "", newer?.version ?? ""];
}

async function isLower(one: string, other: string): Promise<boolean> {
  return (await runCommand({ argv: ["dpkg", "--compare-versions", one, "lt", other] })).exitCode === 0;
}

/** Distribution → version. */
async function whereIs(): Promise<Record<string, string>> {
  const { test: distributions = {} } = JSON.parse(await daemon.command("ls", NAME, "--json")) as {
    test?: Record<string, { version: string }>;
  };
  return Object.fromEntries(Object.entries(distributions).map(([name, { version }]) => [name, version]));
}

async function untilServed(distribution: string, version: string): Promise<void> {
  const path = `/repositories/test/dists/${distribution}/main/binary-${await hostArchitecture()}/Packages.gz`;
  await vi.waitFor(
    async () => {
      const packages = gunzipSync(Buffer.from(await (await daemon.get(path)).arrayBuffer())).toString();
      expect(packages).toContain(`Version: ${version}\n`);
    },
    { timeout: 120_000, interval: 500 },
  );
}

async function sourcesOf(codename: string, suite: string): Promise<string> {
  const path = join(daemon.scratch, `${codename}-${suite}.sources`);
  const query = `codenames=${codename}&suites=${suite}&deb822=True&output=plain`;
  await writeFile(path, await (await daemon.get(`/mini_buildd/api/sources_list/?${query}`)).text());
  return path;
}
