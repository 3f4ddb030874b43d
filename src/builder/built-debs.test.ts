import { expect, test } from "vitest";
import { parseRelations, parseVersion } from "../formats/index.ts";
import { type BuiltDeb, outsideDepends, withBuiltDepends } from "./built-debs.ts";

function deb(name: string, version: string, depends = "", provides = ""): BuiltDeb {
  return {
    fileName: `${name}.deb`,
    name,
    version: parseVersion(version),
    depends: parseRelations(depends),
    provides: parseRelations(provides)
      .flat()
      .map(({ name: provided, constraint }) => ({
        name: provided,
        version: constraint === undefined ? undefined : parseVersion(constraint.version),
      })),
  };
}

test("what comes from the same build need not come from elsewhere", () => {
  const debs = [
    deb("tool", "2", "libtool1 (= 2), libc6 (>= 2.36), data | tool-data"),
    deb("libtool1", "2", "libc6 (>= 2.36)"),
    deb("tool-data", "2"),
  ];

  expect(outsideDepends(debs)).toEqual(["libc6 (>= 2.36)"]);
  expect(withBuiltDepends(debs.slice(0, 1), debs).map(({ name }) => name)).toEqual(["tool", "libtool1", "tool-data"]);
});

test("another version or a plain provide does not satisfy a version", () => {
  const debs = [deb("tool", "2", "libtool1 (>= 3), api (>= 1)"), deb("libtool1", "2", "", "api"), deb("x", "1", "", "api (= 1)")];

  expect(outsideDepends(debs)).toEqual(["libtool1 (>= 3)"]);
  expect(outsideDepends(debs.slice(0, 2))).toEqual(["api (>= 1)", "libtool1 (>= 3)"]);
});
