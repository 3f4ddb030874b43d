import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { UploadView } from "../../src/operations/index.ts";
import { runChecked, runCommand } from "../../src/runtime/index.ts";
import { type AptRoot, aptSource, makeAptRoot } from "../support/apt.ts";
import { type ApiEvent, Daemon, hostArchitecture, hostCodename, hostVersionSuffix } from "../support/daemon.ts";
import { makeTestKey, type TestKey } from "../support/keys.ts";
import { changesName, type MadeFile, type MadeSource, makeChangesText, makeSource } from "../support/packages.ts";
import { makeSourcePackage, type SourceTreeOptions } from "../support/source-tree.ts";

/** One upload in the way of a user, from dput to apt; and whatever may go wrong on the way. */
let daemon: Daemon;
let codename: string;
let architecture: string;
let unstable: string;
let suffix: string;
let known: TestKey;
let unknown: TestKey;
let apt: AptRoot;

beforeAll(async () => {
  [codename, architecture, suffix] = await Promise.all([hostCodename(), hostArchitecture(), hostVersionSuffix()]);
  [known, unknown] = await Promise.all([makeTestKey(), makeTestKey()]);
  unstable = `${codename}-test-unstable`;
  daemon = await Daemon.make({ catalog: catalog(), sharesLayers: true });
  await writeFile(join(daemon.home, "etc/keyrings/uploaders.asc"), await known.armoredPublicKey());
  await daemon.start();
  await daemon.apply();
});

afterAll(async () => {
  await apt?.dispose();
  await daemon?.remove();
  for (const key of [known, unknown]) await key?.dispose();
});

function catalog(): string {
  return [
    "[archive-sources.host]",
    'from = "host"',
    `[codenames.${codename}]`,
    'base = "host"',
    `architectures = ["${architecture}"]`,
    'lintian = "disabled"',
    "[repositories.test]",
    `codenames = ["${codename}"]`,
    'uploads = "unsigned"',
    "[repositories.signed]",
    `codenames = ["${codename}"]`,
    'uploader-keyrings = ["uploaders.asc"]',
    "",
  ].join("\n");
}

function make(name: string, version = "1.0", more: Partial<SourceTreeOptions> = {}): Promise<string> {
  return makeSourcePackage(daemon.scratch, { name, version: `${version}${suffix}`, distribution: unstable, ...more });
}

/** Resolves when apt can see it. */
async function publish(changesPath: string, method: "ftp" | "http" = "ftp"): Promise<void> {
  await daemon.dput(changesPath, method);
  await daemon.command("wait", changesPath);
}

async function eventsOf(source: string): Promise<ApiEvent[]> {
  return (await daemon.events()).filter((event) => event.source === source);
}

async function publicTypes(source: string): Promise<string[]> {
  return (await eventsOf(source)).map(({ type }) => type).filter((type) => type === type.toUpperCase());
}

function problemsOf(event: ApiEvent): { code: string; message: string }[] {
  return event.data["problems"] as { code: string; message: string }[];
}

function codesOf(event: ApiEvent): string[] {
  return problemsOf(event).map(({ code }) => code);
}

async function loadUpload(id: string): Promise<UploadView> {
  const response = await daemon.get(`/api/v1/upload?upload=${encodeURIComponent(id)}`);
  return (await response.json()) as UploadView;
}

/** Installs for real, into a directory: neither root nor a namespace is needed, as the packages have no scripts. */
function aptGet(...args: string[]): Promise<string> {
  const root = join(apt.path, "root");
  const force = ["not-root", "bad-path", "script-chrootless"].map((what) => `--force-${what}`);
  const options = [`--root=${root}`, `--log=/dev/null`, ...force].flatMap((option) => ["-o", `Dpkg::Options::=${option}`]);
  return apt.must("apt-get", "-o", `Dir::State::status=${root}/var/lib/dpkg/status`, ...options, ...args);
}

async function runInstalled(name: string): Promise<string> {
  const ended = await runChecked({ argv: [join(apt.path, "root/usr/bin", name)] });
  return ended.stdout.toString("utf8").trim();
}

async function makeOwnAptRoot(): Promise<AptRoot> {
  const key = (await (await daemon.get("/mini_buildd/api/pub_key/?output=plain")).text()).trim();
  const source = { uri: `${daemon.url}/repositories/test`, suites: [unstable], components: ["main"], armoredKey: key };
  const root = await makeAptRoot({ sources: aptSource(source), architecture });
  await mkdir(join(root.path, "root/var/lib/dpkg/updates"), { recursive: true });
  await mkdir(join(root.path, "root/var/lib/dpkg/info"), { recursive: true });
  await writeFile(join(root.path, "root/var/lib/dpkg/status"), "");
  return root;
}

test("what dput sends over FTP is built and installed by apt, and what it sends over HTTP upgrades it", async () => {
  await publish(await make("mbd-main-hello"), "ftp");
  apt = await makeOwnAptRoot();
  await aptGet("update");
  const policy = await apt.must("apt-cache", "policy", "mbd-main-hello");
  await aptGet("install", "mbd-main-hello");

  expect(policy).toContain(`${daemon.url}/repositories/test ${unstable}/main`);
  expect(await runInstalled("mbd-main-hello")).toBe(`mbd-main-hello 1.0${suffix}`);
  expect(await publicTypes("mbd-main-hello")).toEqual(["PACKAGING", "BUILDING", "BUILT", "INSTALLED"]);

  await publish(await make("mbd-main-hello", "1.1"), "http");
  await aptGet("update");
  await aptGet("upgrade");

  expect(await runInstalled("mbd-main-hello")).toBe(`mbd-main-hello 1.1${suffix}`);
});

test("apt gets the source that was uploaded, bit for bit", async () => {
  const changesPath = await make("mbd-main-source");
  await publish(changesPath);
  await apt.must("apt-get", "update");

  await apt.must("apt-get", "source", "--download-only", "mbd-main-source");

  for (const name of [`mbd-main-source_1.0${suffix}.dsc`, `mbd-main-source_1.0${suffix}.tar.gz`]) {
    const argv = ["cmp", join(apt.path, "work", name), join(dirname(changesPath), name)] as const;
    expect((await runCommand({ argv })).exitCode).toBe(0);
  }
});

test("a kept older version stays installable by its version", async () => {
  await apt.must("apt-get", "update");

  const versions = await apt.must("apt-cache", "madison", "mbd-main-hello");

  expect(versions).toContain(`1.0${suffix}`);
  expect(versions).toContain(`1.1${suffix}`);
});

test("a package is built with what our own distribution has", async () => {
  await publish(await make("mbd-main-tool"));

  const changesPath = await make("mbd-main-user", "1.0", {
    architecture: "any",
    buildDepends: "mbd-main-tool (>= 1.0~)",
    recipe: ["mbd-main-tool > said", "install -D -m 644 said debian/tmp/usr/share/mbd-main-user/said"],
  });
  await publish(changesPath);

  await aptGet("update");
  await aptGet("install", "mbd-main-user");
  const said = await runChecked({ argv: ["cat", join(apt.path, "root/usr/share/mbd-main-user/said")] });
  expect(said.stdout.toString("utf8")).toBe(`mbd-main-tool 1.0${suffix}\n`);
});

test("the same upload again is accepted once, and that is said", async () => {
  const changesPath = await make("mbd-main-twice");
  await publish(changesPath, "ftp");

  await daemon.dput(changesPath, "http");
  const duplicate = await daemon.waitFor(
    "the note of the second delivery",
    (event) => event.type === "delivery" && event.source === "mbd-main-twice",
  );

  expect(duplicate.data["outcome"]).toBe("duplicate");
  expect(duplicate.data["reason"]).toContain("was already accepted");
  expect((await publicTypes("mbd-main-twice")).filter((type) => type === "INSTALLED")).toHaveLength(1);
});

test("a rejected upload shows every reason: in the events, on its page, and to who waits", async () => {
  const changesPath = await make("mbd-main-wrong", "1.0", {
    distribution: `${codename}-signed-unstable`,
    changelogLines: ["MINI_BUILDD_OPTION: lintian-mode=perhaps"],
  });
  await daemon.dput(changesPath);
  const rejected = await daemon.waitForEnd("mbd-main-wrong", `1.0${suffix}`);

  const waited = await daemon.tryCommand("wait", changesPath);
  const listed = JSON.parse(await daemon.command("events", "--json", "--source", "mbd-main-wrong")) as { events: ApiEvent[] };
  const page = await (await daemon.get(`/mini_buildd/uploads/${rejected.upload}/`)).text();
  const upload = await loadUpload(rejected.upload ?? "");

  const codes = ["SIGNATURE_MISSING", "VERSION_NOT_FOR_SUITE", "UPLOAD_OPTION_INVALID"];
  expect(rejected.type).toBe("REJECTED");
  expect(codesOf(rejected)).toEqual(codes);
  expect(listed.events.map(({ data }) => data)).toContainEqual(rejected.data);
  expect(upload).toMatchObject({ state: "rejected", problems: codes.map((code) => ({ code })) });
  expect(waited.exitCode).toBe(1);
  for (const { message } of problemsOf(rejected)) {
    expect(waited.stdout.toString("utf8")).toContain(message);
    // Quotes are escaped there.
    expect(page).toContain(message.split(/["'&<>]/)[0]);
  }
});

test("a signed repository takes what debsign signed with a known key, and refuses everything else", async () => {
  const distribution = `${codename}-signed-unstable`;
  const signedSuffix = await hostVersionSuffix("signed");
  const signed = async (name: string, key: TestKey | undefined): Promise<ApiEvent> => {
    const version = `1.0${signedSuffix}`;
    const changesPath = await makeSourcePackage(daemon.scratch, { name, version, distribution });
    if (key !== undefined) await debsign(changesPath, key);
    await daemon.dput(changesPath);
    return daemon.waitForEnd(name, version);
  };

  const byKnown = await signed("mbd-main-known", known);
  const byUnknown = await signed("mbd-main-unknown", unknown);
  const byNobody = await signed("mbd-main-nobody", undefined);

  expect(byKnown.type).toBe("INSTALLED");
  expect(await loadUpload(byKnown.upload ?? "")).toMatchObject({ signer_fingerprint: known.fingerprint });
  expect(codesOf(byUnknown)).toEqual(["SIGNATURE_KEY_UNKNOWN"]);
  expect(codesOf(byNobody)).toEqual(["SIGNATURE_MISSING"]);
});

test("a package with an orig is built, and its next revision without sending the orig again", async () => {
  const revision = (number: number): Promise<MadeSource> => {
    const version = `1.0-${number}${suffix}`;
    const options = { name: "mbd-main-orig", version, distribution: unstable, debianText: `Revision ${number}.` };
    return makeSource(join(daemon.scratch, `orig-${number}`), options);
  };

  const first = await revision(1);
  await publish(await writeChanges(first, [first.dsc, ...first.files]));
  const second = await revision(2);
  await publish(await writeChanges(second, [second.dsc, ...second.files.filter(({ name }) => !name.includes(".orig."))]));

  await apt.must("apt-get", "update");
  await apt.must("apt-get", "source", `mbd-main-orig=1.0-2${suffix}`);
  const readme = await runChecked({ argv: ["cat", join(apt.path, "work/mbd-main-orig-1.0/README")] });
  expect(readme.stdout.toString("utf8")).toBe("mbd-main-orig 1.0\n");
});

test("a build that fails tells its step and reason, and its log can be read", async () => {
  const changesPath = await make("mbd-main-broken", "1.0", { recipe: ["@echo this is why >&2", "false"] });
  await daemon.dput(changesPath);
  const failed = await daemon.waitForEnd("mbd-main-broken", `1.0${suffix}`);

  expect(failed.type).toBe("FAILED");
  expect(codesOf(failed)).toEqual(["BUILD_FAILED"]);
  expect(problemsOf(failed)[0]?.message).toMatch(new RegExp(`^${architecture}: the build failed in step build: `));
  const [build] = (await loadUpload(failed.upload ?? "")).builds;
  const log = await (await daemon.get(build?.log_path ?? "")).text();
  expect(log).toContain("this is why");
  const kept = await daemon.get(`/repositories/test/pool/main/m/mbd-main-broken/mbd-main-broken_1.0${suffix}.dsc`);
  expect(kept.status).toBe(404);
  // Corrected, the version is still free.
  await publish(await make("mbd-main-broken"));
});

test("a running build's log comes as it is written, and cancelling kills the build at once", async () => {
  const changesPath = await make("mbd-main-endless", "1.0", { recipe: ["@echo 'it has' begun", "sleep 61300"] });
  await daemon.dput(changesPath);
  const leased = await daemon.waitFor(
    "the build's lease",
    ({ type, source, data }) => type === "build-state" && source === "mbd-main-endless" && data["to"] === "leased",
  );
  const [build] = (await loadUpload(leased.upload ?? "")).builds;
  await readUntil(build?.log_path ?? "", "text/event-stream", "it has begun");
  await readUntil(build?.log_path ?? "", "text/plain", "it has begun");
  await daemon.dput(changesPath);
  await daemon.waitFor("the second delivery", ({ type, source }) => type === "delivery" && source === "mbd-main-endless");
  expect(await isSleeping()).toBe(true);

  await daemon.command("cancel", build?.id ?? "");
  const failed = await daemon.waitForEnd("mbd-main-endless", `1.0${suffix}`);

  const cancelled = (await eventsOf("mbd-main-endless")).find(({ data }) => data["to"] === "cancelled");
  expect(codesOf(failed)).toEqual(["BUILD_CANCELLED"]);
  expect(Date.parse(failed.timestamp) - Date.parse(cancelled?.timestamp ?? "")).toBeLessThan(1_000);
  await expect.poll(isSleeping, { timeout: 5_000 }).toBe(false);
  expect(await publicTypes("mbd-main-endless")).toEqual(["PACKAGING", "BUILDING", "BUILT", "FAILED"]);
});

test("the original's calls show what was installed", async () => {
  const ls = (await (await daemon.get("/mini_buildd/api/ls/?source=mbd-main-hello&output=json")).json()) as {
    test: Record<string, { version: string }>;
  };
  const status = await daemon.command("status");

  expect(ls.test[unstable]?.version).toBe(`1.1${suffix}`);
  expect(status).toContain("test");
});

async function debsign(changesPath: string, key: TestKey): Promise<void> {
  const env = { HOME: daemon.scratch, GNUPGHOME: key.homePath };
  await runChecked({ argv: ["debsign", "--no-conf", `-k${key.fingerprint}`, changesPath], env, timeoutMs: 60_000 });
}

/** Beside its files, as dput wants it. */
async function writeChanges(source: MadeSource, files: readonly MadeFile[]): Promise<string> {
  const path = join(dirname(source.dsc.path), changesName(source));
  await writeFile(path, makeChangesText({ source, files, distribution: unstable }));
  return path;
}

async function readUntil(path: string, accept: string, text: string): Promise<void> {
  const response = await fetch(`${daemon.url}${path}`, { headers: { accept }, signal: AbortSignal.timeout(120_000) });
  expect(response.headers.get("content-type")).toContain(accept);
  let read = "";
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    read += chunk;
    if (read.includes(text)) return;
  }
  throw new Error(`the log ended without ${JSON.stringify(text)}:\n${read}`);
}

async function isSleeping(): Promise<boolean> {
  return (await runCommand({ argv: ["pgrep", "--full", "--exact", "sleep 61300"] })).exitCode === 0;
}
