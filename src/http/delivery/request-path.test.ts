import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parseRequestPath } from "./request-path.ts";

test.each([
  ["/repositories/test/dists/d/InRelease", ["test", "dists", "d", "InRelease"]],
  ["/repositories/test/pool/main/g/g++/g%2B%2B_1.0~b+1_all.deb", ["test", "pool", "main", "g", "g++", "g++_1.0~b+1_all.deb"]],
  ["/repositories/test//dists/./d/InRelease?x=1", ["test", "dists", "d", "InRelease"]],
  ["http://host:8066/repositories/test/pool", ["test", "pool"]],
  ["/repositories", []],
])("%s leads to %j", (url, parts) => {
  expect(parseRequestPath(url)).toMatchObject({ type: "path", parts });
});

test.each([
  "/repositories/test/dists/../conf",
  "/repositories/%2e%2e/x",
  "/repositories/test/dists/%2e%2e%2f%2e%2e",
  "/repositories/test/pool/a%2fb",
  "/repositories/test/pool/a%00b",
  "/repositories/test/pool/%zz",
  `/repositories/test/pool${"/a".repeat(100)}`,
])("%s is malformed", (url) => {
  expect(parseRequestPath(url)).toEqual({ type: "malformed" });
});

test.each([
  "/repositories/test/conf/distributions",
  "/repositories/test/db",
  "/repositories/.hidden/pool",
  "/repositories/test/pool/.tmp",
])("%s is nobody's business", (url) => {
  expect(parseRequestPath(url)).toEqual({ type: "hidden" });
});

test.each(["/", "/repositoriesx", "/mini_buildd/repositories/", "*", ""])("%s is not ours", (url) => {
  expect(parseRequestPath(url)).toEqual({ type: "elsewhere" });
});

test("no URL leads out of the tree", () => {
  const piece = fc.constantFrom("..", "%2e", "%2E%2e", "/", "%2f", "%5c", "a", "dists", "pool", ".", "%00", "//", "%", "+", "?");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const requested = parseRequestPath(`/repositories/${pieces.join("")}`);

      if (requested.type !== "path") return;
      for (const part of requested.parts) expect(part).not.toMatch(/^\.|^$|\/|\0/);
    }),
    { numRuns: 2000 },
  );
});
