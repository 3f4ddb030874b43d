import { expect, test } from "vitest";
import { parseBuildinfo } from "./buildinfo.ts";

const BUILDINFO = `Format: 1.0
Source: hello (1.0-1)
Binary: hello hello-dbgsym
Architecture: amd64
Version: 1.0-1+b1
Build-Architecture: amd64
Build-Date: Sun, 22 Nov 2026 14:06:45 +0000
Installed-Build-Depends:
 autoconf (= 2.71-3),
 libc6 (= 2.36-9+deb12u14),
 libc6:i386 (= 2.36-9+deb12u14)
`;

test("what was installed while building is listed with versions", () => {
  const buildinfo = parseBuildinfo(BUILDINFO);

  expect(buildinfo).toMatchObject({ source: "hello", sourceVersion: "1.0-1", version: "1.0-1+b1", architectures: ["amd64"] });
  expect(buildinfo.installedBuildDepends).toEqual([
    { name: "autoconf", architecture: undefined, version: "2.71-3" },
    { name: "libc6", architecture: undefined, version: "2.36-9+deb12u14" },
    { name: "libc6", architecture: "i386", version: "2.36-9+deb12u14" },
  ]);
});

test("an entry without an exact version is refused", () => {
  for (const entry of ["autoconf", "autoconf (>= 2.71-3)", "autoconf (= 2.71-3) | x (= 1)"]) {
    expect(() => parseBuildinfo(BUILDINFO.replace("autoconf (= 2.71-3)", entry))).toThrow(
      'line 8, field "Installed-Build-Depends": autoconf',
    );
  }
});
