import { copyFile, link, mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { VerificationStatus } from "../../../src/archive/index.ts";
import { ManualClock } from "../../../src/runtime/index.ts";
import { aptSource, makeAptRoot } from "../../support/apt.ts";
import { distributionSettings, makeTestArchive, type TestArchive } from "../../support/archive.ts";
import { type MadeFile, makeDeb } from "../../support/packages.ts";
import { serveDirectory } from "../../support/static-server.ts";

const STABLE = "bookworm-test-stable";

let scratchPath: string;
let site: TestArchive;
let deb: MadeFile;
let copies: string[];

beforeEach(async () => {
  scratchPath = await mkdtemp(join(tmpdir(), "mbd-verify-"));
  copies = [];
  site = await makeTestArchive({
    clock: new ManualClock(new Date("2026-11-02T08:00:00Z")),
    limits: { publicationIntervalMsMax: 0, unreferencedAgeMsMin: 0 },
    findCopies: async () => copies,
  });
  await site.ensure(distributionSettings(STABLE, { components: ["main"] }));
  deb = await makeDeb(scratchPath);
  await site.install(STABLE, { debs: [deb, await makeDeb(scratchPath, { name: "other" })] });
  await site.archive.namedSnapshots.create({ distribution: STABLE, name: "kept", kind: "manual", by: "test" });
  await site.archive.untilPublished();
});

afterEach(async () => {
  await site.dispose();
  await rm(scratchPath, { recursive: true, force: true });
});

async function verify(isRepairing = false): Promise<VerificationStatus> {
  site.archive.verification.start({ isRepairing });
  await site.archive.verification.untilEnded();
  await site.archive.untilPublished();
  return site.archive.verification.status;
}

const inRepository = (...parts: string[]): string => join(site.homePath, "repositories/test", ...parts);
const debPath = (): string => inRepository("pool/main/h/hello", deb.name);
const faults = ({ findings }: VerificationStatus): string[] =>
  findings.map(({ kind, fault, repaired }) => `${kind} ${fault}${repaired ? ", repaired" : ""}`);

async function expectAptInstalls(): Promise<void> {
  const server = await serveDirectory(join(site.homePath, "repositories"));
  const suites = [STABLE, `${STABLE}/snapshots/kept`];
  const apt = await makeAptRoot({
    sources: aptSource({ uri: `${server.url}/test`, suites, components: ["main"], armoredKey: site.key.armoredPublicKey() }),
  });
  try {
    await apt.must("apt-get", "update");
    await apt.must("apt-get", "download", "hello", "other");
    expect((await readdir(join(apt.path, "work"))).sort()).toEqual(["hello_1.0-1_all.deb", "other_1.0-1_all.deb"]);
  } finally {
    await apt.dispose();
    await server.close();
  }
}

test("a whole archive has no findings, and everything was read", async () => {
  const status = await verify();

  expect(status).toMatchObject({ state: "done", findings: [], filesTotal: 2, problem: undefined });
  expect(status.filesDone).toBeGreaterThan(2);
});

test("a damaged file is told of; it comes back from a whole copy, with its links", async () => {
  await writeFile(site.archive.contentStore.pathOf(deb.sha256), "damaged");

  const seen = await verify();
  const hopeless = await verify(true);
  copies = [join(scratchPath, "nowhere"), deb.path];
  const repaired = await verify(true);
  const afterwards = await verify();

  expect(faults(seen)).toEqual(["content damaged"]);
  expect(seen.findings[0]?.path).toBe(debPath());
  expect(faults(hopeless)).toEqual(["content damaged"]);
  expect(faults(repaired)).toEqual(["content damaged, repaired"]);
  expect(faults(afterwards)).toEqual([]);
  expect(await readFile(debPath())).toEqual(await readFile(deb.path));
  await expectAptInstalls();
});

test("a missing file comes back from a repository's own copy of it", async () => {
  const content = site.archive.contentStore.pathOf(deb.sha256);
  await copyFile(content, `${debPath()}.copy`);
  await rm(debPath());
  await copyFile(`${debPath()}.copy`, debPath());
  await rm(`${debPath()}.copy`);
  await rm(content);

  const repaired = await verify(true);

  expect(faults(repaired)).toEqual(["content missing, repaired"]);
  expect((await stat(debPath())).ino).toBe((await stat(content)).ino);
});

test("links that are missing or lead elsewhere are made anew; what belongs to nothing goes", async () => {
  await rm(debPath());
  const other = inRepository("pool/main/o/other/other_1.0-1_all.deb");
  await rm(other);
  await writeFile(other, "something else");
  const stray = inRepository("pool/main/h/hello/hello_0.9-1_all.deb");
  await link(site.archive.contentStore.pathOf(deb.sha256), stray);

  const seen = await verify();
  const repaired = await verify(true);

  expect(faults(seen).sort()).toEqual(["place missing", "place not linked", "stray belongs to nothing"]);
  expect(faults(repaired).every((fault) => fault.endsWith("repaired"))).toBe(true);
  await expect(stat(stray)).rejects.toThrow("ENOENT");
  await expectAptInstalls();
});

test("damaged indexes of a distribution and of a snapshot are written anew", async () => {
  const generation = await readlink(inRepository("dists", STABLE));
  await writeFile(inRepository("dists", STABLE, "main/binary-amd64/Packages.xz"), "damaged");
  await writeFile(inRepository("dists", STABLE, "snapshots/kept/InRelease"), "damaged");

  const seen = await verify();
  const repaired = await verify(true);
  const afterwards = await verify();

  expect(faults(seen).sort()).toEqual(["index damaged", "index damaged"]);
  expect(repaired.repairedCount).toBe(2);
  expect(afterwards.findings).toEqual([]);
  expect(await readlink(inRepository("dists", STABLE))).not.toBe(generation);
  await expectAptInstalls();
});

test("only one runs at a time", async () => {
  site.archive.verification.start({ isRepairing: false });

  expect(() => site.archive.verification.start({ isRepairing: false })).toThrow("being verified already");
  await site.archive.verification.untilEnded();
});
