import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { compressChunks } from "../../../src/archive/chunk-compressor.ts";
import { joinXzBlocks } from "../../../src/archive/xz-stream.ts";
import { runChecked } from "../../../src/runtime/index.ts";

let scratchPath: string;

beforeEach(async () => {
  scratchPath = await mkdtemp(join(tmpdir(), "mbd-xz-"));
});

afterEach(async () => {
  await rm(scratchPath, { recursive: true, force: true });
});

/** Sizes around the limits of xz's numbers (7 bits each) and padding (4 bytes). */
const SIZES = [1, 2, 3, 4, 5, 127, 128, 129, 16_383, 16_384, 70_000, 2_100_000];

function chunksOf(count: number): Buffer[] {
  return Array.from({ length: count }, (_, index) => {
    const sizeBytes = SIZES[index % SIZES.length] ?? 1;
    return Buffer.from(Array.from({ length: sizeBytes }, (_, at) => (at * (index + 7) * 31) % 251));
  });
}

test.each([0, 1, 2, 12, 150])("%i chunks become one stream that xz, python and zlib read", async (count) => {
  const chunks = count > 12 ? Array.from({ length: count }, (_, index) => Buffer.from(`chunk ${index}\n`)) : chunksOf(count);
  const expected = Buffer.concat(chunks);

  const compressed = await compressChunks(chunks, { isZstdWanted: true });
  const xz = joinXzBlocks(compressed.map((chunk) => chunk.xz));

  const path = join(scratchPath, "index.xz");
  await writeFile(path, xz);
  await runChecked({ argv: ["xz", "--test", path] });
  const listed = await runChecked({ argv: ["xz", "--robot", "--list", path] });
  expect(listed.stdout.toString()).toMatch(new RegExp(`^file\\t1\\t${count}\\t${xz.length}\\t${expected.length}\\t`, "m"));
  const byXz = await runChecked({ argv: ["xz", "-dc", path] });
  expect(byXz.stdout.equals(expected)).toBe(true);
  const python = "import lzma, sys; sys.stdout.buffer.write(lzma.open(sys.argv[1]).read())";
  const byPython = await runChecked({ argv: ["python3", "-c", python, path] });
  expect(byPython.stdout.equals(expected)).toBe(true);
  if (count === 0) return;

  await writeFile(`${path}.gz`, Buffer.concat(compressed.map(({ gz }) => gz)));
  await writeFile(`${path}.zst`, Buffer.concat(compressed.map(({ zst }) => zst ?? Buffer.alloc(0))));
  for (const argv of [
    ["gzip", "-dc", `${path}.gz`],
    ["zstd", "-dqc", `${path}.zst`],
  ] as const) {
    expect((await runChecked({ argv })).stdout.equals(expected)).toBe(true);
  }
});
