import { expect, test } from "vitest";
import { buildFileName, findDscEntry, isSourceOnly, parseChanges, parseSourceField } from "./changes.ts";
import { parseVersion } from "./version.ts";

const MD5 = "d57899713a6060207a21f2e8689642c2";
const SHA1 = "5e3b8a12e015a58a60cb85e1dfeb7b5aaf7802f0";
const SHA256 = "A7B809727618938CF9CC663806063CE6194A2CC6696F87E3D1090162DA0DD8C8";

const CHANGES = `Format: 1.8
Source: hello
Binary: hello
 hello-doc
Architecture: source all
Version: 2:1.0-1~test12+1
Distribution: bookworm-test-unstable
Urgency: Medium
Changed-By: A B <a@example.org>
Closes: 1 22
Changes:
 hello (2:1.0-1~test12+1) bookworm-test-unstable; urgency=medium
 .
   * First.
Checksums-Sha1:
 ${SHA1} 881 hello_1.0-1~test12+1.dsc
 ${SHA1} 5 hello_1.0.orig.tar.gz
Checksums-Sha256:
 ${SHA256} 881 hello_1.0-1~test12+1.dsc
 ${SHA256} 5 hello_1.0.orig.tar.gz
Files:
 ${MD5} 881 contrib/utils optional hello_1.0-1~test12+1.dsc
 ${MD5} 5 - - hello_1.0.orig.tar.gz
`;

test("all fields of an upload are read, folded names too", () => {
  const changes = parseChanges(CHANGES);

  expect(changes).toMatchObject({
    source: "hello",
    version: "2:1.0-1~test12+1",
    sourceVersion: "2:1.0-1~test12+1",
    distribution: "bookworm-test-unstable",
    architectures: ["source", "all"],
    binaries: ["hello", "hello-doc"],
    urgency: "medium",
    changes: "hello (2:1.0-1~test12+1) bookworm-test-unstable; urgency=medium\n\n  * First.",
    closes: ["1", "22"],
    isBinaryOnly: false,
  });
  expect(changes.files[1]).toEqual({
    name: "hello_1.0.orig.tar.gz",
    sizeBytes: 5,
    md5: MD5,
    sha1: SHA1,
    sha256: SHA256.toLowerCase(),
    section: "-",
    priority: "-",
  });
  expect(findDscEntry(changes)?.name).toBe("hello_1.0-1~test12+1.dsc");
  expect(isSourceOnly(changes)).toBe(false);
});

test("a source-only upload names no binary packages", () => {
  const changes = parseChanges(CHANGES.replace(/Binary:.*\n.*\n/, "").replace("source all", "source"));

  expect(changes.binaries).toEqual([]);
  expect(isSourceOnly(changes)).toBe(true);
});

test("a binNMU names the version of its source", () => {
  const changes = parseChanges(`${CHANGES.replace("Source: hello", "Source: hello (2:1.0-1)")}Binary-Only: yes\n`);

  expect(changes).toMatchObject({ source: "hello", sourceVersion: "2:1.0-1", version: "2:1.0-1~test12+1", isBinaryOnly: true });
  expect(() => parseSourceField("hello (1.0")).toThrow(expect.objectContaining({ code: "PACKAGE_NAME_INVALID" }));
});

test("lists that disagree are refused", () => {
  refused(
    CHANGES.replace(`${SHA256} 5 `, `${SHA256} 6 `),
    "CHECKSUMS_DISAGREE",
    "Files says 5 bytes, Checksums-Sha256 says 6 bytes",
  );
  refused(CHANGES.replace(`${SHA1} 5 `, `${SHA1} 6 `), "CHECKSUMS_DISAGREE", "Checksums-Sha1 says 6 bytes");
  refused(CHANGES.replace(` ${SHA256} 5 hello_1.0.orig.tar.gz\n`, ""), "CHECKSUMS_DISAGREE", "Checksums-Sha256 does not list it");
  refused(CHANGES.replace(` ${MD5} 5 - - hello_1.0.orig.tar.gz\n`, ""), "CHECKSUMS_DISAGREE", "Files does not list it");
});

test("MD5 alone is refused", () => {
  refused(CHANGES.replaceAll(/Checksums-Sha256:\n( .*\n)*/g, ""), "CHECKSUMS_MISSING", "no Checksums-Sha256");
});

test("hostile names, digests and sizes are refused", () => {
  refused(CHANGES.replaceAll("hello_1.0.orig", "../hello_1.0.orig"), "FILE_NAME_INVALID", "../hello");
  refused(CHANGES.replace("Source: hello", "Source: ../hello"), "PACKAGE_NAME_INVALID", "../hello");
  refused(CHANGES.replace(" hello-doc", " ../x"), "PACKAGE_NAME_INVALID", 'field "Binary"');
  refused(CHANGES.replace("source all", "source ../x"), "CONTROL_DATA_INVALID", 'line 5, field "Architecture"');
  refused(CHANGES.replace("2:1.0-1~test12+1\nD", "1.0/1\nD"), "VERSION_INVALID", "1.0/1");
  refused(CHANGES.replace("-test-unstable\nU", "-test-unstable sid\nU"), "CONTROL_DATA_INVALID", "one distribution");
  refused(CHANGES.replace(MD5, "x"), "CONTROL_DATA_INVALID", 'line 21, field "Files"');
  refused(CHANGES.replace(`${MD5} 881`, `${MD5} -1`), "CONTROL_DATA_INVALID", "no entry of this list");
  refused(CHANGES.replace(`${MD5} 881`, `${MD5} 99999999999999999`), "CONTROL_DATA_INVALID", "no entry of this list");
  refused(`${CHANGES} ${MD5} 5 - - hello_1.0.orig.tar.gz\n`, "CONTROL_DATA_INVALID", "is listed twice");
});

test("more files than any real upload has are refused", () => {
  const lines = Array.from({ length: 2001 }, (_, index) => ` ${MD5} 5 - - f${index}\n`).join("");

  refused(CHANGES + lines, "CONTROL_DATA_TOO_LARGE", "2003 files");
});

test("missing fields are named", () => {
  for (const name of ["Source", "Version", "Distribution", "Architecture"]) {
    refused(CHANGES.replace(new RegExp(`^${name}:.*\n`, "m"), ""), "CONTROL_DATA_INVALID", `field "${name}"`);
  }
});

test("build files are named without the epoch", () => {
  expect(buildFileName("hello", parseVersion("2:1.0-1"), "_amd64.changes")).toBe("hello_1.0-1_amd64.changes");
});

function refused(text: string, code: string, message: string): void {
  expect(() => parseChanges(text)).toThrow(expect.objectContaining({ kind: "invalid", code }));
  expect(() => parseChanges(text)).toThrow(message);
}
