import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { EndedCommand } from "../../src/runtime/index.ts";
import { aptFiles, fetchOptions, type Session } from "../../src/testbed/index.ts";
import { Daemon, defaultCatalog, hostArchitecture, hostCodename, hostVersionSuffix } from "../support/daemon.ts";
import { makeTestKey, type TestKey } from "../support/keys.ts";
import { OriginalClients } from "../support/original-clients.ts";
import { makeSourcePackage } from "../support/source-tree.ts";
import { openRealTestbeds, type RealTestbeds } from "../support/testbeds.ts";

/** The original's own programs, as Debian has them, against a daemon of ours. */
const PASSWORD = "four random words do";

let clients: OriginalClients | undefined;
let daemon: Daemon;
let key: TestKey;
let unstable: string;
let suffix: string;

beforeAll(async () => {
  clients = await OriginalClients.find();
  if (clients === undefined) return;
  [unstable, suffix, key] = await Promise.all([
    hostCodename().then((codename) => `${codename}-test-unstable`),
    hostVersionSuffix(),
    makeTestKey(),
  ]);
  const catalog = (await defaultCatalog()).replace('base = "host"', 'base = "host"\nlintian = "disabled"');
  daemon = await Daemon.make({ catalog, sharesLayers: true, hasAdjacentPorts: true });
  await daemon.start();
  await daemon.apply();
  for (const [name, role] of [
    ["root", "admin"],
    ["ann", "login"],
  ] as const) {
    await makeAccount(name, role);
    await clients.savePassword(daemon.url, name, PASSWORD);
  }
});

afterAll(async () => {
  await daemon?.remove();
  await clients?.dispose();
  await key?.dispose();
});

/** An account whose owner opened the link that the administrator gave. */
async function makeAccount(name: string, role: string): Promise<void> {
  const { link } = JSON.parse(await daemon.command("user_create", name, `${name}@example.org`, "--role", role, "--json")) as {
    link: string;
  };
  const page = await daemon.get(new URL(link).pathname);
  const [cookie = ""] = page.headers.getSetCookie();
  const csrfmiddlewaretoken = /name="csrfmiddlewaretoken" value="([^"]+)"/.exec(await page.text())?.[1] ?? "";
  const body = new URLSearchParams({ password: PASSWORD, password_again: PASSWORD, csrfmiddlewaretoken });
  const answer = await fetch(page.url, { method: "POST", body, headers: { cookie: cookie.split(";")[0] ?? "" } });
  expect(answer.status).toBe(200);
}

/** For the last test: each of the client's calls must have been made. */
const called = new Set<string>();

async function api(...args: string[]): Promise<EndedCommand> {
  const [call = "", ...rest] = args;
  called.add(call);
  return clients!.run("mini-buildd-api", "--json", "--script-mode", "--auto-confirm", call, endpoint(), ...rest);
}

let user: string | undefined;

function endpoint(): string {
  return user === undefined ? daemon.url : daemon.url.replace("://", `://${user}@`);
}

async function as<T>(name: string, work: () => Promise<T>): Promise<T> {
  user = name;
  try {
    return await work();
  } finally {
    user = undefined;
  }
}

/** What a call prints as JSON. */
async function result(...args: string[]): Promise<unknown> {
  const ended = await api(...args);
  expect([args, ended.exitCode, ended.stderr.toString()]).toEqual([args, 0, expect.anything()]);
  return JSON.parse(ended.stdout.toString("utf8"));
}

async function failure(...args: string[]): Promise<string> {
  const ended = await api(...args);
  expect([args, ended.exitCode]).not.toEqual([args, 0]);
  return ended.stderr.toString("utf8");
}

function eventsOf(printed: EndedCommand): { type: string; source: string; timestamp: string; extra: Record<string, unknown> }[] {
  const text = printed.stdout.toString("utf8").trim();
  return text === "" ? [] : (JSON.parse(`[${text.replaceAll(/^\}\n\{/gm, "},{")}]`) as ReturnType<typeof eventsOf>);
}

test("mini-buildd-dput sends a package and waits for its end; mini-buildd-events tells how it went", async (context) => {
  if (clients === undefined) return context.skip("the original's clients are not here");
  const version = `1.0${suffix}`;
  const changes = await makeSourcePackage(daemon.scratch, { name: "original", version, distribution: unstable });
  const configuration = join(clients.home, ".dput.cf");
  await writeFile(configuration, await daemon.command("dput_conf"));
  expect(await readFile(configuration, "utf8")).toContain("[mini-buildd-test]");
  const follower = new AbortController();
  const following = clients.start(
    "mini-buildd-events",
    [daemon.url, "--source", "original", "--exit-on", "INSTALLED"],
    follower.signal,
  );

  const sent = await clients.run("mini-buildd-dput", "--check-result", "mini-buildd-test", changes);

  expect([sent.exitCode, sent.stderr.toString()]).toEqual([0, expect.anything()]);
  expect(sent.stdout.toString()).toContain(`INSTALLED(${unstable}): original-${version} (source)`);
  const past = await clients.run(
    "mini-buildd-events",
    daemon.url,
    "--after",
    "epoch",
    "--source",
    "original",
    "--exit-on",
    "INSTALLED",
  );
  const live = await following;
  expect(eventsOf(past).map(({ type }) => type)).toEqual(["PACKAGING", "BUILDING", "BUILT", "INSTALLED"]);
  expect(eventsOf(live)).toEqual(eventsOf(past));

  const architecture = await hostArchitecture();
  const [packaging, building, built, installed] = eventsOf(past);
  const id = String(packaging?.extra["key"]);
  expect(packaging?.extra).toMatchObject({
    bkey: `${id}/source`,
    changes: `${id}/source/original_${version}_source.changes`,
    maintainer: expect.stringContaining("@"),
    buildrequests: { [architecture]: { bkey: `${id}/${architecture}` } },
  });
  expect(building?.extra).toMatchObject({ bkey: `${id}/${architecture}`, architecture, arch_all: "Yes", builder: daemon.url });
  expect(built?.extra).toMatchObject({ sbuild_status: "successful", timecode: id.split("/")[2] });
  expect(installed?.extra).toMatchObject({ auto_ports: {}, buildresults: { [architecture]: { sbuild_status: "successful" } } });

  const filtered = ["--after", "epoch", "--types", "BUILT", "--distribution", unstable, "--source-version", version];
  const some = await clients.run("mini-buildd-events", daemon.url, ...filtered, "--minimal-version", "0.1", "--exit-on", "BUILT");
  expect(eventsOf(some).map(({ type }) => type)).toEqual(["BUILT"]);
  const failing = await clients.run("mini-buildd-events", daemon.url, "--after", "epoch", "--fail-on", "BUILT");
  expect([failing.exitCode, failing.stderr.toString()]).toEqual([1, expect.stringContaining("Failed on event: BUILT")]);
});

test("mini-buildd-api shows what everybody may see", async (context) => {
  if (clients === undefined) return context.skip("the original's clients are not here");
  const codename = await hostCodename();

  expect(await result("status")).toMatchObject({
    identity: "test",
    url: daemon.url,
    incoming_url: `ftp://localhost:${daemon.ftpPort}`,
  });
  expect(await result("status", "--with-repositories")).toMatchObject({ repositories: { test: { codenames: [codename] } } });
  expect(await result("pub_key")).toMatch(/^-----BEGIN PGP PUBLIC KEY BLOCK-----/);
  expect(await result("dput_conf")).toContain(`fqdn     = localhost:${daemon.ftpPort}`);
  expect(await result("sources_list", "--codenames", codename, "--suites", "unstable")).toBe(
    `deb [] ${daemon.url}/repositories/test ${unstable} main\n`,
  );
  expect(await result("ls", "original")).toMatchObject({ test: { [unstable]: { version: `1.0${suffix}`, component: "main" } } });
  expect(await result("show", "original")).toMatchObject({ test: { [unstable]: { uploadable: true, is_migrated: false } } });
  expect(await result("ls", "no-such-source")).toEqual({});
  // Without --json, as people use it.
  const plain = await clients.run("mini-buildd-api", "sources_list", daemon.url, "--suites", "unstable");
  expect(plain.stdout.toString()).toContain(`${unstable} main`);
});

test("mini-buildd-bootstrap-apt installs the keyring package of an archive from nothing but its address", async (context) => {
  if (clients === undefined) return context.skip("the original's clients are not here");
  const [keyring] = await as("root", async () => (await result("keyring_packages")) as Ported[]);
  const version = keyring?.version ?? "";
  expect(keyring).toMatchObject({
    source: "test-archive-keyring",
    distribution: unstable,
    version: expect.stringMatching(new RegExp(`^20\\d{12}${suffix.replace("+", "\\+")}$`)),
    event: null,
  });
  expect(await daemon.waitForEnd("test-archive-keyring", version)).toMatchObject({ type: "INSTALLED" });
  const stable = unstable.replace(/unstable$/, "stable");
  await daemon.waitFor("the keyring's migration", (event) => event.type === "MIGRATED" && event.distribution === stable);
  await untilServed(unstable, "test-archive-keyring", version);
  const line = String(await result("sources_list", "--suites", "unstable")).trim();

  // A machine that has no more than the program itself; with network, as a real one.
  const real = await openRealTestbeds();
  await using session = await real.testbeds.startSession({ layers: [real.base.id], network: "host" });
  await useHostArchive(session, real);
  await session.runChecked({ argv: ["apt-get", "-qy", "install", "wget", "jq"], timeoutMs: 300_000 });
  await session.copyIn(clients.pathOf("mini-buildd-bootstrap-apt"), "/usr/local/bin/mini-buildd-bootstrap-apt");
  const env = { MBD_CODENAME: await hostCodename(), MBD_IDENTITY: "test", MBD_APT_LINE: line };
  const ended = await session.run({ argv: ["mini-buildd-bootstrap-apt", daemon.url, "auto"], env, timeoutMs: 300_000 });
  const installed = await session.run({ argv: ["dpkg-query", "-W", "-f=${Status} ${Version}", "test-archive-keyring"] });
  // Its own deb822 source is enough for apt, with no other trust: the key is where the source says.
  const ownSource = `/usr/share/test-archive-keyring/sources.list.d/${await hostCodename()}/test_stable.sources`;
  const script = `rm -f /etc/apt/trusted.gpg.d/* /etc/apt/sources.list.d/*; : > /etc/apt/sources.list; cp "$1" /etc/apt/sources.list.d/own.sources; apt-get -q update --error-on=any && apt-cache policy test-archive-keyring`;
  const updated = await session.run({ argv: ["sh", "-c", script, "sh", ownSource], timeoutMs: 120_000 });
  await real.dispose();

  expect([ended.exitCode, `${ended.stdout.toString()}${ended.stderr.toString()}`]).toEqual([
    0,
    expect.stringContaining("OK: TOFU install"),
  ]);
  expect(installed.stdout.toString()).toBe(`install ok installed ${version}`);
  expect([updated.exitCode, updated.stdout.toString()]).toEqual([0, expect.stringContaining(`${stable}/main`)]);
});

interface Ported {
  readonly dsc_url: string;
  readonly source: string;
  readonly distribution: string;
  readonly version: string;
  readonly event?: string | null;
}

/** What is installed is published a moment later. */
async function untilServed(distribution: string, source: string, version: string): Promise<void> {
  await vi.waitFor(
    async () => {
      const architecture = await hostArchitecture();
      const packages = await daemon.get(`/repositories/test/dists/${distribution}/main/binary-${architecture}/Packages.gz`);
      const text = gunzipSync(Buffer.from(await packages.arrayBuffer())).toString();
      expect(text).toContain(`Package: ${source}\n`);
      expect(text).toContain(`Version: ${version}\n`);
    },
    { timeout: 60_000, interval: 200 },
  );
}

/** This machine's own archive, reached as this machine reaches it. */
async function useHostArchive(session: Session, { release, scratch }: RealTestbeds): Promise<void> {
  const { files } = await aptFiles(release.sources);
  const options = (await fetchOptions()).filter((option) => option !== "-o").map((option) => option.replace(/=(.*)$/, ' "$1";'));
  for (const [path, content] of [...files, ["/etc/apt/apt.conf.d/99host", `${options.join("\n")}\n`] as const]) {
    const copy = join(scratch, "file");
    await writeFile(copy, content);
    await session.runChecked({ argv: ["mkdir", "-p", dirname(path)] });
    await session.copyIn(copy, path);
  }
  await session.runChecked({ argv: ["apt-get", "-q", "update"], timeoutMs: 300_000 });
}

test("test_packages is the instance's self-test: two are installed and ported, the failing one fails", async (context) => {
  if (clients === undefined) return context.skip("the original's clients are not here");
  const snapshot = unstable.replace(/unstable$/, "snapshot");
  const experimental = unstable.replace(/unstable$/, "experimental");
  const args = ["--with-check", "--distributions", snapshot, "--auto-ports", experimental];

  const made = await as("root", async () => (await result("test_packages", ...args)) as Ported[]);

  expect(made.map(({ source, distribution, event }) => [source, distribution, event])).toEqual([
    ["mbd-test-archall", snapshot, "INSTALLED"],
    ["mbd-test-cpp", snapshot, "INSTALLED"],
    ["mbd-test-ftbfs", snapshot, "FAILED"],
  ]);
  expect(await result("ls", "mbd-test-cpp")).toMatchObject({ test: { [snapshot]: {}, [experimental]: {} } });
  expect(await result("ls", "mbd-test-ftbfs")).toEqual({});
  const events = await daemon.events();
  const failed = events.find(({ type, source }) => type === "FAILED" && source === "mbd-test-ftbfs");
  await as("root", async () => {
    expect(await result("retry", `${failed?.upload}/source`)).toBe(`mbd-test-ftbfs_${failed?.version}_source.changes`);
    expect(await failure("retry", "mbd-test-cpp/1/20260101:000000:000000/source")).toContain("there is no upload");
  });
});

test("port builds for another distribution and in place, port_ext from a .dsc elsewhere; debdiff compares", async (context) => {
  if (clients === undefined) return context.skip("the original's clients are not here");
  const snapshot = unstable.replace(/unstable$/, "snapshot");
  const experimental = unstable.replace(/unstable$/, "experimental");
  const base = suffix.replace(/\+1$/, "");

  await as("root", async () => {
    const ports = (await result("port", "original", unstable, `${snapshot},${unstable}`)) as Ported[];
    expect(ports).toEqual([
      {
        dsc_url: `${daemon.url}/repositories/test/pool/main/o/original/original_1.0${suffix}.dsc`,
        source: "original",
        distribution: snapshot,
        version: `1.0${base}+0`,
      },
      { ...ports[0], distribution: unstable, version: expect.stringMatching(/\+rebuilt20\d{12}$/) },
    ]);
    for (const { version } of ports) expect(await daemon.waitForEnd("original", version)).toMatchObject({ type: "INSTALLED" });
    expect(await failure("port", "nope_any", unstable, snapshot)).toContain(
      `Source to port not found: Source 'nope_any' not found in '${unstable}' distribution`,
    );
    expect(await failure("port", "original", unstable, snapshot, "--version", `1.0${suffix}`)).toContain(
      "was installed in repository test before",
    );

    const url = ports[0]?.dsc_url ?? "";
    expect(await failure("port_ext", url, experimental)).toMatch(/not signed|signature|keyring/);
    const [external] = (await result("port_ext", "--allow-unauthenticated", url, experimental)) as Ported[];
    expect(external).toEqual({ dsc_url: url, source: "original", distribution: experimental, version: `1.0${suffix}${base}+0` });
    expect(await daemon.waitForEnd("original", external?.version ?? "")).toMatchObject({ type: "INSTALLED" });
    const difference = await result(
      "debdiff",
      "original",
      "test",
      "--versiona",
      `1.0${suffix}`,
      "--versionb",
      ports[1]?.version ?? "",
    );
    expect(difference).toContain(`+  * No-changes port of 1.0${suffix}.`);
  });
  expect(await failure("debdiff", "original", "test", "--versiona", "99")).toContain("two versions of original");
});

test("snapshots, migration, removal, maintenance and mirrors by the original's client", async (context) => {
  if (clients === undefined) return context.skip("the original's clients are not here");
  const testing = unstable.replace(/unstable$/, "testing");
  await as("root", async () => {
    expect(await result("snapshot_ls", unstable)).toEqual([]);
    await result("snapshot_create", unstable, "snap1");
    expect(await result("snapshot_ls", unstable)).toEqual(["snap1"]);
    expect(await result("sources_list", "--suites", "unstable", "--snapshot", "snap1")).toContain(
      `${unstable}/snapshots/snap1 main`,
    );
    await result("snapshot_delete", unstable, "snap1");
    await result("migrate", "original", unstable);
    expect(await result("show", "original")).toMatchObject({
      test: { [unstable]: { is_migrated: true, migrates_to: testing }, [testing]: {} },
    });
    await result("remove", "original", testing);
    expect(await failure("remove", "original", testing)).toContain("original");
    expect(await failure("snapshot_delete", unstable, "snap1")).toContain("snap1");
    expect(await result("remake_chroots", "--keys", "nonsense:amd64")).toEqual({
      "nonsense:amd64": expect.stringContaining("nonsense"),
    });

    expect(await result("debmirror", "--suites", "unstable")).toEqual({});
    const { mirrors } = JSON.parse(await daemon.command("debmirror_ls", "--json")) as { mirrors: { state: string }[] };
    expect(mirrors.map(({ state }) => state)).toEqual(["done"]);
    const mirrored = join(daemon.home, "debmirror/test");
    await readFile(join(mirrored, `dists/${unstable}/InRelease`));
    await readFile(join(mirrored, `pool/main/o/original/original_1.0${suffix}.dsc`));
    expect(await failure("debmirror", "--destination", "/etc")).toContain("may not be a mirror");
  });
});

test("sources_list and dput_conf take all their arguments", async (context) => {
  if (clients === undefined) return context.skip("the original's clients are not here");
  const choice = ["--suites", "unstable", "--types", "deb", "deb-src", "--rollbacks", "1"];
  const look = ["--options", "signed-by=/x", "--mirror", "http://mirror.example.org", "--with-extra", "--with-comment"];

  const lines = await result("sources_list", ...choice, ...look);

  expect(lines).toContain(`deb-src [signed-by=/x] http://mirror.example.org/test ${unstable}-rollback0 main\n`);
  expect(lines).toContain(`'${unstable}': release n=${unstable}, o=Mini-Buildd archive test on localhost\n`);
  expect(await result("dput_conf", "--dput-ng-profile")).toContain('"fqdn"');
});

test("what is not available yet says so", async (context) => {
  if (clients === undefined) return context.skip("the original's clients are not here");
  const calls = [
    ["subscribe", "original", unstable],
    ["unsubscribe", "original", unstable],
    ["handshake", "--signed-message", "x"],
    ["wake", "--remote", "http://x"],
    ["setup"],
  ];

  for (const call of calls) expect(await as("root", () => failure(...call))).toContain(`'${call[0]}' is not available yet`);
});

test("the example of a python client from the original's documentation works", async (context) => {
  if (clients === undefined) return context.skip("the original's clients are not here");
  // As it is, but for the address.
  const text = await readFile(clients.pathOf("../share/doc/mini-buildd-utils/examples/python-client"), "utf8");
  expect(text).toContain('client.Client("http://localhost:8066")');
  const running = clients.python("-c", text.replace("http://localhost:8066", daemon.url));
  const client = { hasEnded: false };
  void running.finally(() => {
    client.hasEnded = true;
  });

  // It waits for the next MIGRATED at some time: there is one again and again.
  while (!client.hasEnded) {
    await daemon.command("migrate", "original", unstable);
    await daemon.command("remove", "original", unstable.replace(/unstable$/, "testing"));
  }

  const ended = await running;
  expect([ended.exitCode, ended.stderr.toString()]).toEqual([0, expect.anything()]);
  expect(ended.stdout.toString()).toContain("'identity': 'test'");
  expect(ended.stdout.toString()).toContain("MIGRATED");
});

test("mini-buildd-api logs in its own way, and shows errors as they are", async (context) => {
  if (clients === undefined) return context.skip("the original's clients are not here");

  expect(await failure("remove", "original", unstable)).toContain("API call 'remove' needs authorization: ADMIN");
  await as("ann", async () => {
    expect(await failure("remove", "original", unstable)).toContain("API call 'remove' needs authorization: ADMIN");
    expect(await failure("set_user_key", "nonsense")).toContain("this is no usable OpenPGP public key");
    expect(await result("set_user_key", await key.armoredPublicKey())).toMatchObject({ state: "waiting", user: "ann" });
  });
  await daemon.command("approve_user_key", key.fingerprint, "--repositories", "test");
  await as("root", async () => {
    expect(await result("uploaders")).toEqual({
      test: {
        allow_unauthenticated_uploads: true,
        uploaders: [
          {
            key: key.fingerprint.slice(-16),
            created: expect.stringMatching(/^\d+$/),
            expires: "",
            fingerprints: [key.fingerprint],
            subkeys: [],
            user: "Test Uploader <uploader@example.org>",
          },
        ],
      },
    });
    const unconfirmed = await clients!.run("mini-buildd-api", "--script-mode", "cancel", endpoint(), "x/1/2/amd64");
    expect(unconfirmed.stderr.toString()).toContain("API call 'cancel' needs to be confirmed: cancel");
    expect(await failure("cancel", "x/1/2/amd64")).toContain("x/1/2/amd64");
    expect(await result("stop")).toEqual({});
    expect(await result("status")).toMatchObject({ load: -1 });
    expect(await result("start")).toEqual({});
    expect(await result("cronjob", "purge-jobs")).toEqual({});
    expect(await failure("cronjob", "nonsense")).toContain('there is no periodic work "nonsense"');
    expect(await failure("setup")).toContain("'setup' is not available yet");
  });
  await clients.savePassword(daemon.url, "ann", "not the password");
  await as("ann", async () => expect(await failure("status")).toContain("do not belong to an active account"));
});

test("every call that the original's client knows was made above", async (context) => {
  if (clients === undefined) return context.skip("the original's clients are not here");
  const help = await clients.run("mini-buildd-api", "--help");
  // Each at the beginning of its own lines.
  const calls = [...help.stdout.toString().matchAll(/^ {4}([a-z][a-z_]+)(?: |$)/gm)].map(([, name = ""]) => name);

  expect(calls.length).toBeGreaterThanOrEqual(30);
  expect(calls.filter((name) => !called.has(name))).toEqual([]);
});
