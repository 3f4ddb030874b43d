import { once } from "node:events";
import { mkdir, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { sessionWorkshop } from "../../../src/daemon/workshop.ts";
import { BUILD_PRIORITIES } from "../../../src/farm/index.ts";
import { parseDsc } from "../../../src/formats/index.ts";
import { debdiff, requestExternalPort, requestPort } from "../../../src/packager/index.ts";
import { runChecked } from "../../../src/runtime/index.ts";
import { makeTestKey, type TestKey } from "../../support/keys.ts";
import { type MadeSource, writeMadeFile } from "../../support/packages.ts";
import { openRealTestbeds, type RealTestbeds } from "../../support/testbeds.ts";
import { PackagerSite, UNSTABLE } from "./packager-site.ts";

const EXPERIMENTAL = "bookworm-test-experimental";
const SIGNED = "bookworm-signed-unstable";

const site = PackagerSite.use();

let real: RealTestbeds;
let key: TestKey;
let stranger: TestKey;

beforeAll(async () => {
  [real, key, stranger] = await Promise.all([openRealTestbeds(), makeTestKey(), makeTestKey()]);
}, 600_000);

afterAll(async () => {
  await real.dispose();
  await key.dispose();
  await stranger.dispose();
});

beforeEach(async () => {
  const publicKey = { armored: await key.armoredPublicKey() };
  site.change({
    own: {
      ...site.context.own,
      publicKey,
      clearsign: (text) => key.clearsign(text),
      openWorkshop: async (_, signal) => sessionWorkshop(await real.testbeds.startSession({ layers: [real.base.id], signal })),
      externalKeyrings: [stranger.publicKeyPath],
    },
  });
});

/** hello is installed in unstable. */
async function installHello(source?: MadeSource): Promise<MadeSource> {
  const hello = source ?? (await site.makeSource());
  const uploadId = await site.upload(hello);
  await site.build("amd64");
  expect(await site.verdict(uploadId)).toBe("installed");
  return hello;
}

function port(to: readonly string[], more: { version?: string; options?: string; from?: string } = {}) {
  return requestPort(site.context, { source: "hello", from: UNSTABLE, to, by: "tester", ...more });
}

/** The newest upload of that version, with the path of its files. */
async function uploadOf(version: string) {
  const row = await site.database.database.read
    .selectFrom("uploads")
    .selectAll()
    .where("version", "=", version)
    .orderBy("received_at", "desc")
    .executeTakeFirstOrThrow();
  return { ...row, path: join(site.context.farm.buildsPath, row.id, "source") };
}

async function prioritiesOf(uploadId: string): Promise<number[]> {
  const rows = await site.database.database.read
    .selectFrom("builds")
    .select("priority")
    .where("upload_id", "=", uploadId)
    .execute();
  return rows.map(({ priority }) => priority);
}

async function unpack(dscPath: string): Promise<string> {
  const tree = join(site.newDirectory(), "tree");
  await mkdir(join(tree, ".."), { recursive: true });
  // Sources of our own making only: what is hostile is unpacked in testbeds.
  await runChecked({ argv: ["dpkg-source", "--no-check", "--no-copy", "-x", dscPath, tree] });
  return tree;
}

test("a port changes the changelog and nothing else, and is an upload like any other", async () => {
  const hello = await installHello();

  const ports = await port([EXPERIMENTAL]);
  await site.runJobs();

  expect(ports).toMatchObject([
    {
      source: "hello",
      version: "1.0-1~test12+0",
      distribution: EXPERIMENTAL,
      dscUrl: "http://mini-buildd.example.org:8066/repositories/test/pool/main/h/hello/hello_1.0-1~test12+1.dsc",
    },
  ]);
  const upload = await uploadOf("1.0-1~test12+0");
  expect(await site.verdict(upload.id)).toBe("building");
  expect(upload).toMatchObject({ distribution: EXPERIMENTAL, channel: "own", signer_fingerprint: key.fingerprint });
  expect(await site.order(upload.id, "amd64")).toMatchObject({ distribution: EXPERIMENTAL, lintianMode: "ignore" });
  expect(await prioritiesOf(upload.id)).toEqual([BUILD_PRIORITIES.background]);
  expect(await prioritiesOf((await uploadOf("1.0-1~test12+1")).id)).toEqual([BUILD_PRIORITIES.person]);

  const dscPath = join(upload.path, "hello_1.0-1~test12+0.dsc");
  const dsc = parseDsc(await readFile(dscPath));
  const orig = hello.files.find(({ name }) => name === "hello_1.0.orig.tar.gz");
  expect(dsc.files.find(({ name }) => name === "hello_1.0.orig.tar.gz")?.sha256).toBe(orig?.sha256);
  const [before, after] = await Promise.all([unpack(hello.dsc.path), unpack(dscPath)]);
  const changelog = await readFile(join(after, "debian/changelog"), "utf8");
  expect(changelog).toBe(
    [
      `hello (1.0-1~test12+0) ${EXPERIMENTAL}; urgency=medium`,
      "",
      "  * No-changes port of 1.0-1~test12+1.",
      "  * MINI_BUILDD_OPTION: lintian-mode=ignore",
      "",
      ` -- mini-buildd Example <mini-buildd@mini-buildd.example.org>  ${changelog.split("\n")[5]?.split(">  ")[1]}`,
      "",
      await readFile(join(before, "debian/changelog"), "utf8"),
    ].join("\n"),
  );
  await rm(join(before, "debian/changelog"));
  await rm(join(after, "debian/changelog"));
  await runChecked({ argv: ["diff", "-r", before, after] });
});

test("several targets at once; in place it is a rebuild; what is under way is not asked for twice", async () => {
  await installHello();

  const ports = await port([UNSTABLE, EXPERIMENTAL], { options: "lintian-mode=disabled|deb-build-options=nocheck" });

  expect(ports.map(({ version }) => version)).toEqual([
    expect.stringMatching(/^1\.0-1~test12\+1\+rebuilt\d{14}$/),
    "1.0-1~test12+0",
  ]);
  await expect(port([EXPERIMENTAL])).rejects.toMatchObject({
    code: "PORT_REFUSED",
    message: expect.stringContaining("on its way"),
  });
  await site.runJobs();
  for (const { version } of ports) {
    const upload = await uploadOf(version);
    expect(await site.verdict(upload.id)).toBe("building");
    expect(await site.order(upload.id, "amd64")).toMatchObject({ lintianMode: "disabled", debBuildOptions: ["nocheck"] });
  }
  await site.runJobsAgain();
  expect((await site.database.database.read.selectFrom("uploads").select("id").execute()).length).toBe(3);
});

test("a repository that wants signatures takes our own ports, and nobody else's under their name", async () => {
  await site.allowKeys(await stranger.armoredPublicKey());
  await installHello();

  await port([SIGNED]);
  await site.runJobs();

  const upload = await uploadOf("1.0-1~signed12+1");
  expect(await site.verdict(upload.id)).toBe("building");
  const forged = await site.upload(await site.makeSource({ name: "forged", version: "1.0-1~signed12+1" }), {
    distribution: SIGNED,
    edit: (text) => key.clearsign(text),
  });
  expect(await site.verdict(forged)).toBe("rejected SIGNATURE_KEY_UNKNOWN");
});

test.each([
  [["bookworm-test-stable"], {}, "PORT_REFUSED", "takes no uploads"],
  [["bookworm-test-nonsense"], {}, "PORT_REFUSED", "there is no distribution bookworm-test-nonsense"],
  [[EXPERIMENTAL], { version: "0.9" }, "SOURCE_NOT_THERE", "Source 'hello 0.9' not found in 'bookworm-test-unstable'"],
  [[EXPERIMENTAL], { from: EXPERIMENTAL }, "SOURCE_NOT_THERE", "not found in 'bookworm-test-experimental'"],
  [[EXPERIMENTAL], { options: "nonsense=1|lintian-mode=x" }, "PORT_OPTIONS_INVALID", "nonsense"],
  [[EXPERIMENTAL], { options: "lintian-mode=ignore\n\n -- x <x@x>  y" }, "PORT_OPTIONS_INVALID", ""],
  [[" "], {}, "PORT_TARGETS_MISSING", ""],
])("a port to %j with %j is refused: %s", async (to, more, code, message) => {
  await installHello();

  await expect(port(to, more)).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  expect(await site.database.database.read.selectFrom("made_sources").select("id").execute()).toEqual([]);
});

test("auto-ports are asked for when the upload is installed; one that cannot be is told in its event", async () => {
  const source = await site.makeSource();
  const uploadId = await site.upload(source, {
    fields: {
      Changes: `\n hello (1.0-1~test12+1) ${UNSTABLE}; urgency=medium\n .\n   * MINI_BUILDD_OPTION: auto-ports=${EXPERIMENTAL},bookworm-test-stable`,
    },
  });
  await site.build("amd64");

  const events = await site.events(uploadId);
  expect(events.find(({ type }) => type === "INSTALLED")?.data).toMatchObject({
    autoPorts: {
      [EXPERIMENTAL]: { version: "1.0-1~test12+0" },
      "bookworm-test-stable": { error: expect.stringContaining("takes no uploads") },
    },
  });
  expect(await site.verdict((await uploadOf("1.0-1~test12+0")).id)).toBe("building");
});

test("a source that cannot be unpacked ends as refused, with dpkg-source's reason", async () => {
  const source = await site.makeSource();
  const orig = source.files.find(({ name }) => name.includes(".orig."));
  const broken = await writeMadeFile(site.newDirectory(), orig?.name ?? "", Buffer.from("this is no tarball"));
  await installHello({ ...source, ...(await withFile(source, broken)) });

  await port([EXPERIMENTAL]);
  await site.runJobs();

  const { state, problem } = await site.database.database.read
    .selectFrom("made_sources")
    .select(["state", "problem"])
    .executeTakeFirstOrThrow();
  expect(state).toBe("failed");
  expect(JSON.parse(problem ?? "{}")).toMatchObject({
    code: "SOURCE_NOT_PACKABLE",
    message: expect.stringContaining("dpkg-source"),
  });
  const rejected = await site.database.database.read
    .selectFrom("events")
    .select(["source", "version", "distribution"])
    .where("type", "=", "REJECTED")
    .execute();
  expect(rejected).toEqual([{ source: "hello", version: "1.0-1~test12+0", distribution: EXPERIMENTAL }]);
});

/** The source with another file of that name, and a .dsc that lists it. */
async function withFile(source: MadeSource, file: MadeSource["dsc"]): Promise<Pick<MadeSource, "dsc" | "files">> {
  const old = source.files.find(({ name }) => name === file.name);
  let text = await readFile(source.dsc.path, "utf8");
  for (const digest of ["md5", "sha1", "sha256"] as const)
    text = text.replaceAll(`${old?.[digest]} ${old?.sizeBytes}`, `${file[digest]} ${file.sizeBytes}`);
  const dsc = await writeMadeFile(site.newDirectory(), source.dsc.name, Buffer.from(text));
  return { dsc, files: source.files.map((each) => (each.name === file.name ? file : each)) };
}

test("a source of another archive is verified, fetched, and gets the suffix of its target", async () => {
  const source = await site.makeSource({ name: "foreign", version: "2.0-3" });
  const files = await signedFiles(source, stranger);
  await using server = await serve(files);

  const ports = await requestExternalPort(site.context, external(`${server.url}/pool/${source.dsc.name}`));
  await site.runJobs();

  expect(ports).toMatchObject([
    { source: "foreign", version: "2.0-3~test12+1", distribution: UNSTABLE, dscUrl: `${server.url}/pool/foreign_2.0-3.dsc` },
  ]);
  const upload = await uploadOf("2.0-3~test12+1");
  expect(await site.verdict(upload.id)).toBe("building");
});

test.each([
  ["nobody known signed it", "unsigned", "SIGNATURE_MISSING"],
  ["a stranger signed it", "own", "SIGNATURE_KEY_UNKNOWN"],
  ["it is not there", "absent", "PORT_DOWNLOAD_FAILED"],
])("a source of another archive is refused when %s", async (_, kind, code) => {
  const source = await site.makeSource({ name: "foreign", version: "2.0-3" });
  const files = kind === "unsigned" ? await plainFiles(source) : await signedFiles(source, key);
  await using server = await serve(kind === "absent" ? new Map() : files);
  const request = external(`${server.url}/pool/${source.dsc.name}`);

  await expect(requestExternalPort(site.context, request)).rejects.toMatchObject({ code });
  if (kind === "absent") return;
  await requestExternalPort(site.context, { ...request, allowUnauthenticated: true });
  await site.runJobs();
  expect(await site.verdict((await uploadOf("2.0-3~test12+1")).id)).toBe("building");
});

test("a tarball that is not the one of the .dsc, or larger, is not used", async () => {
  const source = await site.makeSource({ name: "foreign", version: "2.0-3" });
  const files = await signedFiles(source, stranger);
  files.set("foreign_2.0.orig.tar.gz", Buffer.alloc(files.get("foreign_2.0.orig.tar.gz")?.length ?? 0, "x"));
  await using server = await serve(files);

  await requestExternalPort(site.context, external(`${server.url}/pool/${source.dsc.name}`));
  await site.runJobs();

  const made = await site.database.database.read
    .selectFrom("made_sources")
    .select(["state", "problem"])
    .executeTakeFirstOrThrow();
  expect(made).toMatchObject({ state: "failed", problem: expect.stringContaining("PORT_DOWNLOAD_FAILED") });
});

test.each([
  "file:///etc/passwd.dsc",
  "http://localhost/x.dsc?y",
  "http://u:p@localhost/x.dsc",
  "http://localhost/x.tar",
  "nonsense",
  "http://localhost/%2e%2e.dsc",
])("%s is no address of a source", async (url) => {
  await expect(requestExternalPort(site.context, external(url))).rejects.toMatchObject({ code: "PORT_URL_INVALID" });
});

test("debdiff shows what is different between two versions, unpacked in a testbed", async () => {
  await installHello(await site.makeSource());
  const second = await site.makeSource({ version: "1.0-2~test12+1" });
  await installHello(second);

  const text = await debdiff(site.context, { source: "hello", repositoryId: "test" });

  expect(text).toContain(
    "diff -Nru --no-dereference hello-1.0-1~test12+1/debian/changelog hello-1.0-2~test12+1/debian/changelog",
  );
  expect(text).toMatch(/^-hello \(1\.0-1~test12\+1\)/m);
  expect(text).toMatch(/^\+hello \(1\.0-2~test12\+1\)/m);
  await expect(debdiff(site.context, { source: "hello", repositoryId: "test", versionA: "3" })).rejects.toMatchObject({
    code: "DEBDIFF_VERSION_MISSING",
  });
  await expect(debdiff(site.context, { source: "nothing", repositoryId: "test" })).rejects.toMatchObject({
    code: "DEBDIFF_VERSION_MISSING",
  });
});

function external(dscUrl: string) {
  return { dscUrl, to: [UNSTABLE], allowUnauthenticated: false, by: "tester" };
}

async function plainFiles(source: MadeSource): Promise<Map<string, Buffer>> {
  const entries = [source.dsc, ...source.files].map(async ({ name, path }) => [name, await readFile(path)] as const);
  return new Map(await Promise.all(entries));
}

async function signedFiles(source: MadeSource, by: TestKey): Promise<Map<string, Buffer>> {
  const files = await plainFiles(source);
  files.set(source.dsc.name, await by.clearsign(await readFile(source.dsc.path)));
  return files;
}

async function serve(files: ReadonlyMap<string, Buffer>): Promise<AsyncDisposable & { url: string }> {
  const server: Server = createServer((request, response) => {
    const bytes = files.get(decodeURIComponent(basename(request.url ?? "")));
    response.writeHead(bytes === undefined ? 404 : 200, { "content-length": bytes?.length ?? 0 }).end(bytes);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
