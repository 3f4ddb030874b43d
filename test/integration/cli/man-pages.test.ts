import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { documentation } from "../../../src/cli/index.ts";
import { operations, restPath } from "../../../src/operations/index.ts";
import { runCommand } from "../../../src/runtime/index.ts";

const { manPages } = documentation();
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "mbd-man-"));
  for (const { fileName, roff } of manPages) await writeFile(join(directory, fileName), roff);
});

afterAll(() => rm(directory, { recursive: true }));

test("every operation and every other command has a page", () => {
  const names = manPages.map(({ fileName }) => fileName);

  // Two have shorter names on the command line.
  const short: Readonly<Record<string, string>> = { "catalog-plan": "plan", "catalog-apply": "apply" };
  const wanted = operations.map((operation) => `mini-buildd-${short[restPath(operation)] ?? restPath(operation)}.1`);
  expect(names).toEqual(expect.arrayContaining([...wanted, "mini-buildd.1", "mini-buildd-serve.1", "mini-buildd-dput.1"]));
});

test("man and groff have nothing to complain about, and would say so", async () => {
  await writeFile(join(directory, "bad.1"), ".TH BAD 1\n.SH NAME\nbad \\- \\f\n.NOSUCH\n");

  const complaints: string[] = [];
  for (const { fileName } of manPages) complaints.push(...(await complaintsAbout(fileName)));

  expect(complaints).toEqual([]);
  expect(await complaintsAbout("bad.1")).not.toEqual([]);
});

test("a page is found by its name and summary, as apropos reads them", async () => {
  const ended = await runCommand({ argv: ["lexgrog", join(directory, "mini-buildd-ls.1")] });

  expect(ended.stdout.toString()).toContain('"mini-buildd-ls - Show where a source package is and in which versions"');
});

async function complaintsAbout(fileName: string): Promise<string[]> {
  const path = join(directory, fileName);
  const man = ["man", "--warnings", "--encoding=UTF-8", "--local-file", "--troff-device=utf8", "--ditroff", path] as const;
  const groff = ["groff", "-ww", "-man", "-k", "-Tutf8", path] as const;
  const outputs = [];
  for (const argv of [man, groff]) {
    const ended = await runCommand({ argv: [...argv], env: { MANWIDTH: "80" }, timeoutMs: 60_000 });
    outputs.push(ended.stderr.toString());
  }
  return outputs
    .join("")
    .split("\n")
    .filter((line) => line !== "");
}
