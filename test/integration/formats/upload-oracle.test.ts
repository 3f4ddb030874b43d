import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  findDscEntry,
  parseBuildinfo,
  parseChangelog,
  parseChanges,
  parseDate,
  parseDeb822Stanza,
  parseDsc,
  splitClearsigned,
} from "../../../src/formats/index.ts";
import { parseUploadOptions } from "../../../src/rules/index.ts";
import { hashFile, runChecked } from "../../../src/runtime/index.ts";

const CHANGELOG = `oracle (2:1.0-2~test12+1) bookworm-test-unstable; urgency=medium

  [ A B ]
  * First – with a dash. (Closes: #12, #345)
    Second line.

  [ C D ]
  * MINI_BUILDD_OPTION: lintian-mode=ignore

 -- A B <a@example.org>  Sun, 22 Nov 2026 14:06:45 +0130

oracle (2:1.0-1~test12+1) bookworm-test-unstable; urgency=low

  * Older.

 -- C D <c@example.org>  Sat, 21 Nov 2026 14:06:45 +0000
`;

const CONTROL = `Source: oracle
Section: contrib/utils
Priority: optional
Maintainer: A B <a@example.org>
Standards-Version: 4.6.2
Build-Depends: dpkg-dev

Package: oracle
Architecture: linux-any
Description: x

Package: oracle-doc
Architecture: all
Build-Profiles: <!nodoc>
Description: x
`;

let directory: string;
let source: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "mini-buildd-upload-"));
  source = join(directory, "oracle-1.0");
  await mkdir(join(source, "debian/source"), { recursive: true });
  await writeFile(join(source, "README"), "read me");
  await runChecked({ argv: ["tar", "-czf", "oracle_1.0.orig.tar.gz", "oracle-1.0/README"], cwd: directory });
  await runChecked({ argv: ["tar", "-cJf", "oracle_1.0.orig-docs.tar.xz", "oracle-1.0/README"], cwd: directory });
  await mkdir(join(source, "docs"));
  await writeFile(join(source, "docs/README"), "read me");
  await writeFile(join(source, "debian/changelog"), CHANGELOG);
  await writeFile(join(source, "debian/control"), CONTROL);
  await writeFile(join(source, "debian/rules"), "#!/usr/bin/make -f\n%:\n\ttrue\n", { mode: 0o755 });
  await writeFile(join(source, "debian/source/format"), "3.0 (quilt)\n");
  await runChecked({ argv: ["dpkg-source", "--build", "oracle-1.0"], cwd: directory });
});

afterAll(() => rm(directory, { recursive: true }));

test("a .dsc made by dpkg-source is read, and its sums are those of the files", async () => {
  const dsc = parseDsc(await readFile(join(directory, "oracle_1.0-2~test12+1.dsc")));

  expect(dsc).toMatchObject({
    format: "3.0 (quilt)",
    source: "oracle",
    version: "2:1.0-2~test12+1",
    binaries: ["oracle", "oracle-doc"],
    architectures: ["linux-any", "all"],
    section: "contrib/utils",
  });
  expect(dsc.packageList).toMatchObject([
    { name: "oracle", type: "deb", architectures: ["linux-any"], profiles: [] },
    { name: "oracle-doc", type: "deb", architectures: ["all"], profiles: ["!nodoc"] },
  ]);
  expect(dsc.files).toHaveLength(3);
  for (const file of dsc.files) expect(await hashFile(join(directory, file.name))).toMatchObject(sums(file));
});

test("a .changes made by dpkg-genchanges is read, and so are the options in it", async () => {
  const { stdout } = await runChecked({ argv: ["dpkg-genchanges", "-S", "-sa"], cwd: source });

  const changes = parseChanges(stdout);

  expect(changes).toMatchObject({
    source: "oracle",
    version: "2:1.0-2~test12+1",
    distribution: "bookworm-test-unstable",
    architectures: ["source"],
    binaries: [],
    closes: ["12", "345"],
  });
  expect(changes.files).toHaveLength(4);
  expect(findDscEntry(changes)?.name).toBe("oracle_1.0-2~test12+1.dsc");
  for (const file of changes.files) expect(await hashFile(join(directory, file.name))).toMatchObject(sums(file));
  expect(parseUploadOptions(changes.changes)).toMatchObject({ options: { common: { lintianMode: "ignore" } }, problems: [] });
});

test("a .changes over several entries has only the options of the newest", async () => {
  await writeFile(join(source, "debian/changelog"), CHANGELOG.replace("* Older.", "* MINI_BUILDD_OPTION: piuparts-mode=ignore"));
  const { stdout } = await runChecked({ argv: ["dpkg-genchanges", "-S", "-sa", "-v2:0.9"], cwd: source });
  await writeFile(join(source, "debian/changelog"), CHANGELOG);

  const changes = parseChanges(stdout);

  expect(changes.changes).toContain("piuparts-mode");
  expect(parseUploadOptions(changes.changes).options.common).toEqual({ lintianMode: "ignore" });
});

test("a .buildinfo made by dpkg-genbuildinfo lists what is installed here", async () => {
  await runChecked({ argv: ["dpkg-genbuildinfo", "--build=source", `-O${join(directory, "x.buildinfo")}`], cwd: source });

  const buildinfo = parseBuildinfo(await readFile(join(directory, "x.buildinfo")));

  const query = await runChecked({ argv: ["dpkg-query", "--show", "--showformat=${Version}", "dpkg-dev"] });
  expect(buildinfo).toMatchObject({ source: "oracle", version: "2:1.0-2~test12+1", architectures: ["source"] });
  expect(buildinfo.installedBuildDepends).toContainEqual({
    name: "dpkg-dev",
    architecture: undefined,
    version: query.stdout.toString(),
  });
});

test("changelog entries are those of dpkg-parsechangelog", async () => {
  const { stdout } = await runChecked({ argv: ["dpkg-parsechangelog", "--count", "1"], cwd: source });
  const fields = parseDeb822Stanza(stdout).fields;
  const value = (name: string): string => fields.get(name)?.value ?? "";

  const [entry] = parseChangelog(CHANGELOG);

  expect(entry).toMatchObject({
    source: value("source"),
    version: value("version"),
    distributions: value("distribution").split(" "),
    urgency: value("urgency"),
    maintainer: value("maintainer"),
    dateText: value("date"),
  });
  expect(String((entry?.date?.getTime() ?? 0) / 1000)).toBe(value("timestamp"));
  expect(value("changes")).toContain(entry?.text);
});

test("the program date agrees about dates", async () => {
  const texts = ["Sun, 22 Nov 2026 14:06:45 +0130", "1 Jan 1970 00:00:00 GMT", "Wed, 29 Feb 2028 23:59:59 -1200"];

  const { stdout } = await runChecked({
    argv: ["date", "--utc", "--file=-", "+%s"],
    input: texts.map((text) => `${text}\n`).join(""),
  });

  expect(texts.map((text) => parseDate(text).getTime() / 1000)).toEqual(stdout.toString().trim().split("\n").map(Number));
});

test("the text inside a signature of gpg is the one that was signed", async () => {
  const home = join(directory, "gnupg");
  await mkdir(home, { mode: 0o700 });
  const gpg = ["gpg", "--homedir", home, "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""] as const;
  await runChecked({ argv: [...gpg, "--quick-generate-key", "a@example.org", "ed25519", "sign", "never"] });
  const text = "Source: x\n- dash\n--\n-----BEGIN PGP SIGNATURE-----\nFrom here\n\n last\n";

  const signed = await runChecked({ argv: [...gpg, "--clearsign"], input: text });
  await runChecked({ argv: ["gpgconf", "--homedir", home, "--kill", "all"] });

  expect(splitClearsigned(signed.stdout).text).toBe(text);
});

function sums(file: { sizeBytes: number; md5: string; sha1?: string | undefined; sha256: string }): object {
  return { sizeBytes: file.sizeBytes, md5: file.md5, sha1: file.sha1, sha256: file.sha256 };
}
