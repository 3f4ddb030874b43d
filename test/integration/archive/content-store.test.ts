import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ArchivePaths, ContentStore } from "../../../src/archive/index.ts";
import { runCommand } from "../../../src/runtime/index.ts";
import { type MadeFile, writeMadeFile } from "../../support/packages.ts";

let homePath: string;
let store: ContentStore;
let file: MadeFile;

beforeEach(async () => {
  homePath = await mkdtemp(join(tmpdir(), "mbd-store-"));
  store = new ContentStore(new ArchivePaths(homePath));
  file = await writeMadeFile(join(homePath, "in"), "hello_1.0.orig.tar.gz", Buffer.from("some bytes"));
});

afterEach(async () => {
  await rm(homePath, { recursive: true, force: true });
});

/** Every file below the store. */
async function stored(): Promise<string[]> {
  const entries = await readdir(join(homePath, "pool"), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
}

test("a file is stored by its content, with all its hashes", async () => {
  const poolFile = await store.importFile(file.path, file);

  expect(poolFile).toMatchObject({ name: file.name, sizeBytes: 10, md5: file.md5, sha1: file.sha1, sha256: file.sha256 });
  expect(store.pathOf(file.sha256)).toBe(join(homePath, "pool", file.sha256.slice(0, 2), file.sha256));
  expect(await readFile(store.pathOf(file.sha256), "utf8")).toBe("some bytes");
  expect(await readFile(file.path, "utf8")).toBe("some bytes");
});

test("importing again keeps the first copy", async () => {
  await store.importFile(file.path, file);
  const { ino } = await stat(store.pathOf(file.sha256));

  await Promise.all([store.importFile(file.path, file), store.importFile(file.path, { ...file, name: "other.tar.gz" })]);

  expect((await stat(store.pathOf(file.sha256))).ino).toBe(ino);
  expect(await stored()).toEqual([file.sha256]);
});

test.each([
  ["hash", { sha256: "0".repeat(64) }],
  ["size", { sizeBytes: 11 }],
])("a file with another %s than announced is refused, and nothing is left", async (_what, announced) => {
  await expect(store.importFile(file.path, { ...file, ...announced })).rejects.toMatchObject({
    kind: "invalid",
    code: "POOL_FILE_MISMATCH",
    message: expect.stringContaining(file.name),
  });

  expect(await stored()).toEqual([]);
});

test("what a killed import left is cleared away, other files stay", async () => {
  await store.importFile(file.path, file);
  await writeFile(join(homePath, "pool/dead.tmp"), "half");

  await store.removeLeftovers();

  expect(await stored()).toEqual([file.sha256]);
});

test("a full disk is an error that may pass, and leaves nothing", async () => {
  const large = await writeMadeFile(join(homePath, "in"), "large", Buffer.alloc(3 * 1024 ** 2, 1));
  const program = `
    import { readdir } from "node:fs/promises";
    import { ArchivePaths, ContentStore } from ${JSON.stringify(join(import.meta.dirname, "../../../src/archive/index.ts"))};
    const store = new ContentStore(new ArchivePaths(${JSON.stringify(join(homePath, "small"))}));
    const error = await store.importFile(${JSON.stringify(large.path)}, ${JSON.stringify({ sha256: large.sha256 })}).catch((error) => error);
    const left = await readdir(${JSON.stringify(join(homePath, "small/pool"))}, { recursive: true });
    console.log(JSON.stringify({ code: error.code, kind: error.kind, left }));`;
  const programPath = join(homePath, "import.ts");
  await writeFile(programPath, program);
  await writeMadeFile(join(homePath, "small"), ".keep", Buffer.alloc(0));

  // A file system of 1 MiB, for this process only.
  const script = `mount -t tmpfs -o size=1M none ${homePath}/small && exec ${process.execPath} ${programPath}`;
  const ended = await runCommand({ argv: ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script] });

  expect(ended.stderr.toString()).toBe("");
  expect(JSON.parse(ended.stdout.toString())).toEqual({ code: "POOL_DISK_FULL", kind: "unavailable", left: [] });
});
