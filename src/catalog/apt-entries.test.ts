import { expect, test } from "vitest";
import { parseSourcesList, parseSourcesStanzas } from "./apt-entries.ts";
import { armorPublicKeys, readPublicKeys } from "./armor.ts";
import { versionInTable } from "./release-versions.ts";
import { suggestWord } from "./suggest.ts";

test("one-line sources with and without options", () => {
  const text = `# deb http://a.example/off bookworm main
deb http://a.example/debian/ bookworm main contrib # comment
deb [arch=amd64 signed-by=/k.gpg] http://b.example/debian bookworm-updates main
deb-src http://a.example/debian bookworm main
deb [ signed-by=/k.gpg ] http://c.example/flat ./
`;

  expect(parseSourcesList(text)).toEqual([
    { uri: "http://a.example/debian", suite: "bookworm", signedBy: undefined },
    { uri: "http://b.example/debian", suite: "bookworm-updates", signedBy: "/k.gpg" },
    { uri: "http://c.example/flat", suite: "./", signedBy: "/k.gpg" },
  ]);
});

test("deb822 sources: every URI with every suite, disabled and source-only ones left out", () => {
  const text = `Types: deb deb-src
URIs: http://a.example/debian/ http://b.example/debian
Suites: bookworm
 bookworm-updates
Components: main
Signed-By: /k.gpg

Enabled: no
Types: deb
URIs: http://off.example/
Suites: x

Types: deb-src
URIs: http://source.example/
Suites: x
`;

  expect(parseSourcesStanzas(text, "x.sources").map(({ uri, suite }) => `${uri} ${suite}`)).toEqual([
    "http://a.example/debian bookworm",
    "http://a.example/debian bookworm-updates",
    "http://b.example/debian bookworm",
    "http://b.example/debian bookworm-updates",
  ]);
});

test("armor and back, also of two blocks in one file", () => {
  const [one, two] = [Buffer.from([1, 2, 3, 255]), Buffer.alloc(100, 7)];

  expect(readPublicKeys(Buffer.from(armorPublicKeys(one) + armorPublicKeys(two)))).toEqual(Buffer.concat([one, two]));
  expect(readPublicKeys(one)).toEqual(one);
});

test("a release has its version once it is released", () => {
  const table =
    "version,codename,series,created,release\n12,Bookworm,bookworm,2021-08-14,2023-06-10\n14,Forky,forky,2025-08-09\n";
  const ubuntu = "version,codename,series,created,release\n24.04 LTS,Noble Numbat,noble,2023-10-12,2024-04-25\n";

  expect(versionInTable(table, "bookworm")).toBe("12");
  expect(versionInTable(table, "forky")).toBeUndefined();
  expect(versionInTable(ubuntu, "noble")).toBe("24.04");
});

test("a word is suggested when it is near, and only then", () => {
  expect(suggestWord("uplaods", ["uploads", "layout"])).toBe("uploads");
  expect(suggestWord("xyz", ["uploads", "layout"])).toBeUndefined();
});
