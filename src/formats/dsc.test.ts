import { expect, test } from "vitest";
import { buildsAll, buildsForArchitecture, dscFileName, parseDsc, sourceFileKind } from "./dsc.ts";
import { parseVersion } from "./version.ts";

const SHA256 = "a7b809727618938cf9cc663806063ce6194a2cc6696f87e3d1090162da0dd8c8";
const MD5 = "d57899713a6060207a21f2e8689642c2";

const DSC = `-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA256

Format: 3.0 (quilt)
Source: hello
Binary: hello, hello-doc,
 hello-udeb
Architecture: linux-any all
Version: 2:1.0-1
Maintainer: A B <a@example.org>
Build-Depends: debhelper-compat (= 13)
Build-Conflicts-Indep: evil
Package-List:
 hello deb utils optional arch=linux-any,hurd-any
${" "}
 hello-doc deb doc optional arch=all profile=!nodoc+!stage1,cross

 hello-udeb udeb debian-installer extra
Checksums-Sha256:
 ${SHA256} 5 hello_1.0.orig.tar.gz
 ${SHA256} 6 hello_1.0-1.debian.tar.xz
Files:
 ${MD5} 5 hello_1.0.orig.tar.gz
 ${MD5} 6 hello_1.0-1.debian.tar.xz
-----BEGIN PGP SIGNATURE-----

x
-----END PGP SIGNATURE-----
`;

test("all fields are read, through blank lines in Package-List", () => {
  const dsc = parseDsc(DSC);

  expect(dsc).toMatchObject({
    format: "3.0 (quilt)",
    source: "hello",
    version: "2:1.0-1",
    binaries: ["hello", "hello-doc", "hello-udeb"],
    architectures: ["linux-any", "all"],
    section: "utils",
    priority: "optional",
    buildDepends: { depends: "debhelper-compat (= 13)", dependsIndep: "", conflictsIndep: "evil" },
  });
  expect(dsc.packageList).toEqual([
    entry({ name: "hello", section: "utils", architectures: ["linux-any", "hurd-any"] }),
    entry({ name: "hello-doc", section: "doc", architectures: ["all"], profiles: ["!nodoc+!stage1", "cross"] }),
    entry({ name: "hello-udeb", type: "udeb", section: "debian-installer", priority: "extra" }),
  ]);
  expect(dsc.files.map((file) => file.name)).toEqual(["hello_1.0.orig.tar.gz", "hello_1.0-1.debian.tar.xz"]);
});

test("an old .dsc without Package-List has its own section, or none", () => {
  const old = DSC.replace(/Package-List:\n( .*\n|\n)*/, "");

  expect(parseDsc(old)).toMatchObject({ packageList: [], section: undefined, priority: undefined });
  expect(parseDsc(old.replace("Format", "Section: x\nFormat")).section).toBe("x");
});

test("what is built for an architecture follows the wildcards", () => {
  const dsc = parseDsc(DSC);

  expect(buildsForArchitecture(dsc, "amd64")).toBe(true);
  expect(buildsForArchitecture(dsc, "hurd-i386")).toBe(false);
  expect(buildsAll(dsc)).toBe(true);
  expect(buildsForArchitecture(parseDsc(DSC.replace("linux-any all", "all")), "amd64")).toBe(false);
});

test("formats that cannot be built here are refused by name", () => {
  for (const format of ["3.0 (git)", "2.0", "3.0 (custom)", "3.0(quilt)"]) {
    expect(() => parseDsc(DSC.replace("3.0 (quilt)", format))).toThrow(
      expect.objectContaining({ code: "SOURCE_FORMAT_UNSUPPORTED", message: expect.stringContaining(format) }),
    );
  }
  expect(parseDsc(DSC.replace("3.0 (quilt)", "1.0")).format).toBe("1.0");
});

test("files of another source package, or that no source package has, are refused", () => {
  for (const name of ["other_1.0.orig.tar.gz", "hello_1.0.orig.zip", "hello_1.0.deb"]) {
    expect(() => parseDsc(DSC.replaceAll("hello_1.0.orig.tar.gz", name))).toThrow(
      expect.objectContaining({ code: "CONTROL_DATA_INVALID", message: expect.stringContaining(name) }),
    );
  }
});

test("a file's kind shows in its name", () => {
  expect(sourceFileKind("a_1.0.orig.tar.xz")).toBe("orig");
  expect(sourceFileKind("a_1.0.orig-docs.tar.xz")).toBe("orig-component");
  expect(sourceFileKind("a_1.0.orig.tar.xz.asc")).toBe("signature");
  expect(sourceFileKind("a_1.0-1.debian.tar.xz")).toBe("debian");
  expect(sourceFileKind("a_1.0-1.diff.gz")).toBe("diff");
  expect(sourceFileKind("a_1.0.tar.bz2")).toBe("native");
  expect(sourceFileKind("a_1.0.dsc")).toBeUndefined();
});

test("a .dsc is named without the epoch", () => {
  expect(dscFileName("hello", parseVersion("2:1.0-1"))).toBe("hello_1.0-1.dsc");
});

function entry(given: object): object {
  return { type: "deb", priority: "optional", architectures: [], profiles: [], ...given };
}
