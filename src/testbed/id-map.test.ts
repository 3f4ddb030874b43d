import { expect, test } from "vitest";
import { findRange, unshareArguments } from "./id-map.ts";

test("the first range that is large enough is taken, by name or number", () => {
  expect(findRange("other:1:65536\nme:100000:1000\nme:200000:65536\nme:300000:65536\n", ["me", "1000"])).toBe(200_000);
  expect(findRange("1000:165536:65536\n", ["me", "1000"])).toBe(165_536);
});

test("no range, a broken one or root's own ids are none", () => {
  for (const text of ["", "me", "me:x:y", "me:0:65536", "you:100000:65536"]) expect(findRange(text, ["me"])).toBeUndefined();
});

test("nothing but the range is mapped", () => {
  const mapped = unshareArguments({ uidStart: 100, gidStart: 200 }).filter((word) => word.startsWith("--map"));

  expect(mapped).toEqual(["--map-users=100,0,65536", "--map-groups=200,0,65536"]);
});
