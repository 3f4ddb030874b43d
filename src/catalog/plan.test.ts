import { expect, test } from "vitest";
import { parseCatalog } from "./parse.ts";
import { emptyCatalogDocument, planCatalog } from "./plan.ts";

const BOOKWORM = `[archive-sources.debian]
from = "host"
[codenames.bookworm]
base = "debian"
architectures = ["amd64", "i386"]
[repositories.test]
codenames = ["bookworm"]
uploads = "unsigned"
`;
const before = parseCatalog(BOOKWORM);

test("the same catalog changes nothing", () => {
  expect(planCatalog(before, parseCatalog(`# a comment\n${BOOKWORM}`))).toEqual([]);
});

test("a first catalog only adds", () => {
  const changes = planCatalog(emptyCatalogDocument, before);

  expect(changes.map(({ summary }) => summary)).toEqual(
    expect.arrayContaining(["+ archive source debian", "+ repository test", "+ distribution bookworm-test-unstable"]),
  );
  expect(changes.filter(({ endangers }) => endangers !== undefined)).toEqual([]);
});

test("a changed setting shows what it was and what it becomes", () => {
  const after = parseCatalog(BOOKWORM.replace('base = "debian"', 'base = "debian"\nlintian = "ignore"'));

  expect(planCatalog(before, after)).toEqual([{ summary: '~ codename bookworm: lintian "errfail" → "ignore"' }]);
});

test("a removed repository endangers its distributions", () => {
  const endangered = planCatalog(before, emptyCatalogDocument).flatMap(({ endangers }) => endangers ?? []);

  expect(endangered).toHaveLength(6);
  expect(endangered).toContain("bookworm-test-stable");
});

test("a removed architecture endangers what has packages of it", () => {
  const after = parseCatalog(BOOKWORM.replace(', "i386"', ""));

  expect(planCatalog(before, after)).toContainEqual({
    summary: "- architecture i386 of distribution bookworm-test-stable",
    endangers: "bookworm-test-stable",
  });
});

test("an architecture that becomes optional endangers nothing", () => {
  const after = parseCatalog(BOOKWORM.replace('["amd64", "i386"]', '["amd64"]\noptional-architectures = ["i386"]'));

  expect(planCatalog(before, after).filter(({ endangers }) => endangers !== undefined)).toEqual([]);
});
