import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { formatReleaseDate } from "../../../src/formats/index.ts";
import { aptSource, makeAptRoot } from "../../support/apt.ts";
import { distributionSettings, makeTestArchive, type TestArchive } from "../../support/archive.ts";
import { makeDeb } from "../../support/packages.ts";
import { readPublishedTree } from "../../support/release-tree.ts";

/** Controls: what our tests with apt would miss if the private root were not strict. Each changes one thing of a good tree. */

const UNSTABLE = "bookworm-test-unstable";

let scratchPath: string;
let site: TestArchive;
/** A copy of the repository that a test may spoil. */
let copyPath: string;

beforeAll(async () => {
  scratchPath = await mkdtemp(join(tmpdir(), "mbd-strict-"));
  site = await makeTestArchive();
  await site.ensure(distributionSettings(UNSTABLE));
  await site.install(UNSTABLE, { debs: [await makeDeb(scratchPath, { name: "hello" })] });
  await site.archive.untilPublished();
});

beforeEach(async () => {
  copyPath = await mkdtemp(join(scratchPath, "copy-"));
  await cp(join(site.homePath, "repositories/test"), copyPath, { recursive: true, verbatimSymlinks: true });
});

afterAll(async () => {
  await site.dispose();
  await rm(scratchPath, { recursive: true, force: true });
});

async function update(armoredKey = site.key.armoredPublicKey()): Promise<{ exitCode: number | undefined; output: string }> {
  const apt = await makeAptRoot({
    sources: aptSource({ uri: `file:${copyPath}`, suites: [UNSTABLE], components: ["main"], armoredKey }),
  });
  try {
    const { exitCode, stdout, stderr } = await apt.run("apt-get", "update");
    return { exitCode, output: `${stdout.toString()}${stderr.toString()}` };
  } finally {
    await apt.dispose();
  }
}

/** Sign another Release text in the copy. */
async function resign(change: (release: string) => string): Promise<void> {
  const path = join(copyPath, "dists", UNSTABLE);
  const release = change(await readFile(join(path, "Release"), "utf8"));
  const { inRelease, releaseGpg } = await site.key.signRelease(Buffer.from(release));
  await writeFile(join(path, "Release"), release);
  await writeFile(join(path, "InRelease"), inRelease);
  await writeFile(join(path, "Release.gpg"), releaseGpg);
}

const HOUR_MS = 3_600_000;

test("the unchanged copy is accepted", async () => {
  expect(await update()).toMatchObject({ exitCode: 0 });
});

test("Release with Release.gpg alone is accepted too", async () => {
  await rm(join(copyPath, "dists", UNSTABLE, "InRelease"));

  expect(await update()).toMatchObject({ exitCode: 0 });
});

test("a Date in the future is refused", async () => {
  const future = formatReleaseDate(new Date(Date.now() + HOUR_MS));
  await resign((release) => release.replace(/^Date: .*$/m, `Date: ${future}`));

  expect(await update()).toMatchObject({ exitCode: 100, output: expect.stringContaining("is not valid yet") });
});

test("an expired Valid-Until is refused", async () => {
  const past = formatReleaseDate(new Date(Date.now() - HOUR_MS));
  await resign((release) => release.replace(/^Date: .*$/m, `Date: ${past}\nValid-Until: ${past}`));

  expect(await update()).toMatchObject({ exitCode: 100, output: expect.stringContaining("is expired") });
});

test("an index with another hash is refused", async () => {
  const path = join(copyPath, "dists", UNSTABLE);
  const tree = await readPublishedTree(path);
  for (const { path: name, sha256, sha512 } of tree.files.filter((file) => /main\/binary-amd64\/Packages\./.test(file.path))) {
    const bytes = await readFile(join(path, name));
    bytes[bytes.length - 20] = (bytes[bytes.length - 20] ?? 0) ^ 1;
    for (const spoiled of [name, `main/binary-amd64/by-hash/SHA256/${sha256}`, `main/binary-amd64/by-hash/SHA512/${sha512}`]) {
      await writeFile(join(path, spoiled), bytes);
    }
  }

  expect(await update()).toMatchObject({ exitCode: 100, output: expect.stringContaining("Hash Sum mismatch") });
});

test("a text changed after signing is refused", async () => {
  const path = join(copyPath, "dists", UNSTABLE, "InRelease");
  await writeFile(path, (await readFile(path, "utf8")).replace("Origin: Test", "Origin: Best"));

  expect(await update()).toMatchObject({ exitCode: 100, output: expect.stringContaining("BADSIG") });
});

test("another key is refused", async () => {
  const other = await makeTestArchive({ isStarted: false });
  try {
    const { exitCode, output } = await update(other.key.armoredPublicKey());

    expect(exitCode).toBe(100);
    expect(output).toContain("NO_PUBKEY");
  } finally {
    await other.dispose();
  }
});
