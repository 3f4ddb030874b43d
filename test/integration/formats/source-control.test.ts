import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseDsc, readControlFile, readSourceControl } from "../../../src/formats/index.ts";
import { runChecked } from "../../../src/runtime/index.ts";
import { makeSource } from "../../support/packages.ts";

const CONTROL = [
  "Source: hello",
  "Section: misc",
  "Priority: optional",
  "Maintainer: Test <test@example.org>",
  "Standards-Version: 4.6.2",
  "",
  "Package: hello",
  "Architecture: any",
  "Depends: hello-data (= ${binary:Version})",
  "Description: package of a test",
  " Long text.",
  "",
].join("\n");

let scratch: string;

beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), "mbd-control-"));
});
afterEach(async () => rm(scratch, { recursive: true, force: true }));

async function read(dscPath: string): Promise<string | undefined> {
  const dsc = parseDsc(await readControlFile(dscPath, "the .dsc"));
  return readSourceControl(dsc, (name) => join(dirname(dscPath), name));
}

/** By the real dpkg-source. */
async function pack(format: string, options: { version: string; hasOrig: boolean }): Promise<string> {
  const tree = join(scratch, "hello-1.0");
  const files = {
    "debian/control": CONTROL,
    "debian/changelog": `hello (${options.version}) unstable; urgency=medium\n\n  * New.\n\n -- Test <test@example.org>  Sun, 22 Nov 2026 12:00:00 +0000\n`,
    "debian/source/format": `${format}\n`,
    "debian/rules": "#!/usr/bin/make -f\n",
    README: "hello\n",
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(tree, path)), { recursive: true });
    await writeFile(join(tree, path), text);
  }
  const orig = ["tar", "--exclude=debian", "-czf", "hello_1.0.orig.tar.gz", "hello-1.0"] as const;
  if (options.hasOrig) await runChecked({ argv: orig, cwd: scratch });
  await runChecked({ argv: ["dpkg-source", "--build", "hello-1.0"], cwd: scratch });
  return join(scratch, `hello_${options.version}.dsc`);
}

test.each([
  ["3.0 (quilt)", { version: "1.0-1", hasOrig: true }, CONTROL],
  ["3.0 (native)", { version: "1.0", hasOrig: false }, CONTROL],
  ["1.0", { version: "1.0", hasOrig: false }, CONTROL],
  ["1.0", { version: "1.0-1", hasOrig: true }, undefined],
])("debian/control of format %s, %j", async (format, options, expected) => {
  expect(await read(await pack(format, options))).toBe(expected);
});

test("an archive that cannot be read, or is too large, has none", async () => {
  const source = await makeSource(scratch, {});
  const tarball = source.files.find(({ name }) => name.includes(".debian."))?.path ?? "";
  await writeFile(tarball, createHash("sha256").update("noise").digest());
  expect(await read(source.dsc.path)).toBeUndefined();

  await writeFile(join(scratch, "control"), Buffer.alloc(65 * 1024 ** 2));
  const rename = "s,^control$,debian/control,";
  await runChecked({ argv: ["tar", "--transform", rename, "-czf", tarball, "control"], cwd: scratch });
  expect(await read(source.dsc.path)).toBeUndefined();
});
