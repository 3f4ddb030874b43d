import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { hashFile } from "./hash-file.ts";
import { runChecked } from "./subprocess.ts";

test("a small and a large file have the digests that the coreutils give", async () => {
  for (const sizeBytes of [0, 100, 3 * 1024 ** 2 + 1]) {
    const directory = await mkdtemp(join(tmpdir(), "mbd-hash-"));
    const path = join(directory, "file");
    await writeFile(path, Buffer.alloc(sizeBytes, "content"));

    const hashes = await hashFile(path);

    const byCoreutils = await Promise.all(["md5", "sha1", "sha256", "sha512"].map((name) => digestBy(`${name}sum`, path)));
    expect([hashes.md5, hashes.sha1, hashes.sha256, hashes.sha512]).toEqual(byCoreutils);
    expect(hashes.sizeBytes).toBe(sizeBytes);
    await rm(directory, { recursive: true });
  }
});

test("a large file does not hold up the event loop", async () => {
  const directory = await mkdtemp(join(tmpdir(), "mbd-hash-"));
  const path = join(directory, "file");
  await writeFile(path, Buffer.alloc(32 * 1024 ** 2));
  let turns = 0;
  const timer = setInterval(() => (turns += 1), 1);

  await hashFile(path);

  clearInterval(timer);
  expect(turns).toBeGreaterThan(5);
  await rm(directory, { recursive: true });
});

test("a file that is not there is an error", async () => {
  await expect(hashFile("/nonexistent/file")).rejects.toThrow("ENOENT");
});

async function digestBy(program: string, path: string): Promise<string> {
  const ended = await runChecked({ argv: [program, path] });
  return ended.stdout.toString("utf8").split(" ")[0] ?? "";
}
