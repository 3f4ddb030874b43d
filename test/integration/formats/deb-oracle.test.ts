import { link, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DebFile, fieldValue, parseDeb822Stanza, readDeb, readDebControl } from "../../../src/formats/index.ts";
import { runChecked } from "../../../src/runtime/index.ts";

const LONG = "a-directory-with-a-long-name/".repeat(8);
const CONTROL = `Package: oracle
Source: oracle-source (1.0-1)
Version: 2:1.0-1+b1
Architecture: amd64
Maintainer: A B <a@example.org>
Section: contrib/utils
Priority: optional
Description: short – with a dash
 long
 .
 end
`;

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "mini-buildd-deb-"));
  await makeTree(join(directory, "tree"));
});

afterAll(() => rm(directory, { recursive: true }));

test.each(["gzip", "xz", "zstd", "none"])(
  "a .deb compressed by dpkg-deb with %s is read as dpkg-deb reads it",
  async (compression) => {
    const path = join(directory, `${compression}.deb`);
    await runChecked({ argv: ["dpkg-deb", "--root-owner-group", `-Z${compression}`, "--build", join(directory, "tree"), path] });

    await expectAsDpkgDeb(path);
  },
);

test.each([
  ["bzip2", "bz2"],
  ["lzma", "lzma"],
])("a .deb compressed with %s, as old ones are, is read as dpkg-deb reads it", async (program, suffix) => {
  const path = join(directory, `${suffix}.deb`);
  await packWith([program, "--stdout"], suffix, path);

  await expectAsDpkgDeb(path);
});

test("control data can be read alone, with source and its version", async () => {
  const path = join(directory, "quick.deb");
  await runChecked({ argv: ["dpkg-deb", "--root-owner-group", "-Zxz", "--build", join(directory, "tree"), path] });

  const control = await readDebControl(path);

  expect(control).toMatchObject({
    packageName: "oracle",
    version: "2:1.0-1+b1",
    architecture: "amd64",
    source: "oracle-source",
    sourceVersion: "1.0-1",
    section: "contrib/utils",
  });
});

async function expectAsDpkgDeb(path: string): Promise<void> {
  const deb = await readDeb(path);

  const fields = parseDeb822Stanza((await runChecked({ argv: ["dpkg-deb", "--field", path] })).stdout);
  expect([...deb.control.stanza.fields.values()].map((field) => [field.name, field.value])).toEqual(
    [...fields.fields.values()].map((field) => [field.name, field.value]),
  );
  expect(fieldValue(deb.control.stanza, "Description")).toBe("short – with a dash\nlong\n\nend");

  const listing = (await runChecked({ argv: ["dpkg-deb", "--contents", path] })).stdout.toString().trimEnd().split("\n");
  const expected = listing.map(parseListing).filter((line) => line.path !== "");
  expect(deb.files.map(asListed)).toEqual(expected);
  expect(expected.length).toBeGreaterThan(10);
}

interface ListedFile {
  readonly kind: string;
  readonly sizeBytes: number;
  readonly path: string;
  readonly link: string | undefined;
}

/** `-rw-r--r-- root/root  3 2026-11-22 20:00 ./path -> target` */
function parseListing(line: string): ListedFile {
  const [, kind = "", size = "", rest = ""] = /^(.\S{9}) \S+ +(\d+) \S+ \S+ (.*)$/.exec(line) ?? [];
  const [name = "", link] = rest.split(/ -> | link to /);
  const path = name.replace(/^\.\//, "").replace(/\/$/, "");
  return { kind, sizeBytes: Number(size), path, link: link?.replace(/^\.\//, "") };
}

const LETTERS: Readonly<Record<DebFile["type"], string>> = {
  file: "-",
  hardlink: "h",
  symlink: "l",
  directory: "d",
  fifo: "p",
  "character-device": "c",
  "block-device": "b",
};

function asListed({ path, type, sizeBytes, mode, linkTarget }: DebFile): ListedFile {
  const bits = mode
    .toString(2)
    .padStart(9, "0")
    .split("")
    .map((bit, index) => (bit === "1" ? "rwx"[index % 3] : "-"));
  return { kind: `${LETTERS[type]}${bits.join("")}`, sizeBytes, path, link: linkTarget?.replace(/^\.\//, "") };
}

/** Long names, names with blanks and accents, links of both kinds, a fifo, a large file of zeros. */
async function makeTree(root: string): Promise<void> {
  await mkdir(join(root, "DEBIAN"), { recursive: true });
  await writeFile(join(root, "DEBIAN/control"), CONTROL);
  await mkdir(join(root, "usr/share", LONG), { recursive: true });
  await writeFile(join(root, "usr/share", LONG, "file"), "long");
  await writeFile(join(root, "usr/share/a file with blanks"), "x".repeat(513));
  await writeFile(join(root, "usr/share/größe"), "");
  await writeFile(join(root, "usr/share/zeros"), Buffer.alloc(5 * 1024 ** 2));
  await writeFile(join(root, "usr/share/program"), "#!/bin/sh\n", { mode: 0o755 });
  await link(join(root, "usr/share/program"), join(root, "usr/share/same-program"));
  await symlink("../share/program", join(root, "usr/share/link"));
  await symlink(`/usr/share/${LONG}file`, join(root, "usr/share/long-link"));
  await runChecked({ argv: ["mkfifo", join(root, "usr/share/fifo")] });
}

/** dpkg-deb no longer writes these, but reads them. */
async function packWith(argv: readonly [string, ...string[]], suffix: string, path: string): Promise<void> {
  const from = join(directory, "none.deb");
  await runChecked({ argv: ["dpkg-deb", "--root-owner-group", "-Znone", "--build", join(directory, "tree"), from] });
  const parts = join(directory, `parts-${suffix}`);
  await mkdir(parts);
  await runChecked({ argv: ["ar", "x", from], cwd: parts });
  const { stdout } = await runChecked({ argv, input: await readFile(join(parts, "data.tar")), outputBytesMax: 64 * 1024 ** 2 });
  await writeFile(join(parts, `data.tar.${suffix}`), stdout);
  await runChecked({ argv: ["ar", "rc", path, "debian-binary", await controlMember(parts), `data.tar.${suffix}`], cwd: parts });
}

async function controlMember(parts: string): Promise<string> {
  const { stdout } = await runChecked({ argv: ["ls", parts] });
  return (
    stdout
      .toString()
      .split("\n")
      .find((name) => name.startsWith("control.tar")) ?? ""
  );
}
