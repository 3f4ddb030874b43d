import { mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import tar from "tar-stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { extractTree, safeParts } from "./extract-tree.ts";

let directory: string;
let target: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "mbd-extract-"));
  target = join(directory, "target");
  await mkdir(join(directory, "outside"));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

type Entry = {
  readonly name: string;
  readonly type?: "file" | "symlink" | "link" | "directory" | "fifo";
  readonly to?: string;
  readonly text?: string;
};

async function extract(entries: readonly Entry[], links: "skip" | "keep" = "keep", sizeBytesMax = 1_000): Promise<void> {
  const pack = tar.pack();
  for (const { name, type = "file", to, text = "x" } of entries) {
    if (type === "file") pack.entry({ name }, text);
    else pack.entry({ name, type, ...(to === undefined ? {} : { linkname: to }) });
  }
  pack.finalize();
  await extractTree(pack as unknown as NodeJS.ReadableStream as never, target, { links, sizeBytesMax });
}

test("files, directories and links arrive", async () => {
  await extract([
    { name: "./", type: "directory" },
    { name: "./a/b", text: "1" },
    { name: "l", type: "symlink", to: "a/b" },
  ]);

  expect(await readFile(join(target, "a/b"), "utf8")).toBe("1");
  expect(await readlink(join(target, "l"))).toBe("a/b");
});

test("what a child process wrote arrives although it ends before anything could be made for it", async () => {
  const pack = tar.pack();
  pack.entry({ name: "a" }, "1");
  pack.finalize();
  const output = Readable.from([await buffer(pack)]);

  const extracted = extractTree(output, target, { links: "skip", sizeBytesMax: 1_000 });
  // Node does this with the output of a child that has ended.
  output.resume();
  await extracted;

  expect(await readFile(join(target, "a"), "utf8")).toBe("1");
});

test("names that lead elsewhere are left out", async () => {
  await extract([{ name: "../outside/x" }, { name: "/outside/x" }, { name: "a/../../outside/x" }, { name: "ok" }]);

  expect(await readdir(target)).toEqual(["ok"]);
  expect(await readdir(join(directory, "outside"))).toEqual([]);
});

test("nothing is written through a link of the same stream", async () => {
  const outside = join(directory, "outside");
  const attack = extract([{ name: "l", type: "symlink", to: outside }, { name: "l/x" }]);

  await expect(attack).rejects.toMatchObject({ kind: "invalid", code: "TESTBED_OUTPUT_INVALID" });
  expect(await readdir(outside)).toEqual([]);
});

test("nothing is written through a link that was there before, and no file is overwritten", async () => {
  const outside = join(directory, "outside");
  await mkdir(target);
  await symlink(outside, join(target, "l"));
  await writeFile(join(target, "f"), "before");

  await expect(extract([{ name: "l/x" }])).rejects.toMatchObject({ kind: "invalid", code: "TESTBED_OUTPUT_INVALID" });
  await expect(extract([{ name: "f" }])).rejects.toMatchObject({ kind: "invalid", code: "TESTBED_OUTPUT_INVALID" });
  expect(await readdir(outside)).toEqual([]);
  expect(await readFile(join(target, "f"), "utf8")).toBe("before");
});

test("links, hard links and pipes are left out unless asked for", async () => {
  await extract(
    [
      { name: "s", type: "symlink", to: "x" },
      { name: "h", type: "link", to: "/etc/passwd" },
      { name: "p", type: "fifo" },
      { name: "f" },
    ],
    "skip",
  );

  expect(await readdir(target)).toEqual(["f"]);
});

test("a stream that is too large is refused", async () => {
  await expect(
    extract([
      { name: "a", text: "x".repeat(600) },
      { name: "b", text: "x".repeat(600) },
    ]),
  ).rejects.toMatchObject({
    code: "TESTBED_OUTPUT_TOO_LARGE",
  });
});

test("safe parts", () => {
  expect(safeParts("./a//b/.")).toEqual(["a", "b"]);
  for (const name of ["", ".", "./", "..", "a/..", "/a", "a\0b"]) expect(safeParts(name)).toBeUndefined();
});

test("a size that is no number is refused, as the reader would wait for ever", async () => {
  const packed = tar.pack();
  packed.entry({ name: "file" }, "x");
  packed.finalize();
  const bytes = await buffer(packed);
  // The mark of a binary number, with bits that none has; and a checksum that fits.
  bytes[124] = 0xbe;
  bytes.write("        ", 148, "latin1");
  const sum = bytes.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");

  const extraction = extractTree(Readable.from([bytes]), target, { links: "skip", sizeBytesMax: 1_000 });

  await expect(extraction).rejects.toMatchObject({ code: "TESTBED_OUTPUT_INVALID" });
});

test("a stream that is cut off is tried again", async () => {
  const packed = tar.pack();
  packed.entry({ name: "file" }, "x".repeat(2_000));
  packed.finalize();
  const bytes = await buffer(packed);

  const extraction = extractTree(Readable.from([bytes.subarray(0, 1_000)]), target, { links: "skip", sizeBytesMax: 10_000 });

  await expect(extraction).rejects.toMatchObject({ kind: "unavailable", code: "TESTBED_COPY_FAILED" });
});
