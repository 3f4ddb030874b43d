import { expect, test } from "vitest";
import { checkFileName, checkPackageName, componentOfSection, isArchitectureName, poolDirectory, poolPrefix } from "./names.ts";

test("file names of real packages are taken", () => {
  for (const name of ["hello_2.10-3.dsc", "g++-12_12.2.0-14_amd64.deb", "a_1.0~rc1+dfsg.orig-docs.tar.xz.asc", "a_1:2_all.deb"]) {
    expect(checkFileName(name)).toBe(name);
  }
});

test("file names that could leave their directory or need escaping are refused", () => {
  for (const name of [
    "",
    ".",
    "..",
    ".hidden",
    "../etc/passwd",
    "a/b",
    "a\\b",
    "a b",
    "a\nb",
    "a\0",
    "-x",
    "ä",
    "a%2fb",
    "a;b",
    "x".repeat(256),
  ]) {
    expect(() => checkFileName(name)).toThrow(expect.objectContaining({ code: "FILE_NAME_INVALID" }));
  }
});

test("package names follow Policy", () => {
  for (const name of ["hello", "g++", "libstdc++6", "0ad", "lib32gcc-s1", "a.b"]) expect(checkPackageName(name)).toBe(name);
  for (const name of ["", "a", "Hello", "-a", "a_b", "a/b", "../x", "a b", "a\n", "a".repeat(200)]) {
    expect(() => checkPackageName(name)).toThrow(expect.objectContaining({ code: "PACKAGE_NAME_INVALID" }));
  }
});

test("architectures are lower-case words", () => {
  expect(["amd64", "all", "source", "kfreebsd-amd64", "linux-any"].every(isArchitectureName)).toBe(true);
  expect(["", "-x", "AMD64", "a/b", "a b", "../x", "amd64\n"].some(isArchitectureName)).toBe(false);
});

test("the pool's prefix has a letter more for libraries", () => {
  expect(["hello", "libfoo", "lib3ds", "lib", "li"].map(poolPrefix)).toEqual(["h", "libf", "lib3", "lib", "l"]);
  expect(poolDirectory("main", "libfoo")).toBe("pool/main/libf/libfoo");
});

test("a section names its component before the slash", () => {
  expect(["utils", "contrib/utils", "non-free-firmware/x", "-"].map(componentOfSection)).toEqual([
    "main",
    "contrib",
    "non-free-firmware",
    "main",
  ]);
  for (const section of ["../utils", "/utils", "a/b/c", "A/b", "a b/c"]) {
    expect(() => componentOfSection(section)).toThrow(expect.objectContaining({ code: "CONTROL_DATA_INVALID" }));
  }
});
