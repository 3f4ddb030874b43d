import * as fc from "fast-check";
import { expect, test } from "vitest";
import { resolveFtpPath } from "./paths.ts";

test.each([
  ["/", "incoming", "/incoming"],
  ["/", "/incoming/", "/incoming"],
  ["/incoming", "..", "/"],
  ["/incoming", "../incoming", "/incoming"],
  ["/", "../../..", "/"],
  ["/incoming", "", "/incoming"],
] as const)("from %s, %j is the directory %s", (from, argument, directory) => {
  expect(resolveFtpPath(from, argument)).toEqual({ type: "directory", directory });
});

test("a name in /incoming is a file, wherever one stands", () => {
  expect(resolveFtpPath("/incoming", "a.dsc")).toEqual({ type: "file", name: "a.dsc" });
  expect(resolveFtpPath("/", "incoming/./a.dsc")).toEqual({ type: "file", name: "a.dsc" });
});

test.each(["/etc/passwd", "/incoming/a/b", "/a.dsc", "incoming/../a.dsc"])("%s is outside", (argument) => {
  expect(resolveFtpPath("/", argument)).toBeUndefined();
});

test("no path leads to a name with a slash or to dots", () => {
  const part = fc.constantFrom("..", ".", "/", "incoming", "a", "//", "...");
  fc.assert(
    fc.property(fc.constantFrom("/", "/incoming"), fc.array(part, { maxLength: 10 }), (from, parts) => {
      const path = resolveFtpPath(from, parts.join(""));

      if (path?.type === "file") expect(path.name).not.toMatch(/\/|^\.{0,2}$/);
    }),
  );
});
