import { expect, test } from "vitest";
import { parseMadison } from "./known-versions.ts";

test("of each package the newest versions that APT knows, with suite and component", () => {
  const output = [
    " libfoo-dev |    1.3-1 | http://deb.example.org bookworm-updates/main amd64 Packages",
    " libfoo-dev |    1.2-1 | http://deb.example.org bookworm/main amd64 Packages",
    " libfoo-dev |    1.1-1 | file:/srv/own ./ Packages",
    " libfoo-dev |    1.0-1 | http://deb.example.org bookworm/main amd64 Packages",
    "    libbar  |        7 | http://deb.example.org bookworm/contrib amd64 Packages",
    "    libbar  |        7 | http://deb.example.org bookworm/contrib Sources",
    "N: something else",
    "",
  ].join("\n");

  expect(parseMadison(output)).toEqual([
    { name: "libfoo-dev", version: "1.3-1", from: "bookworm-updates/main" },
    { name: "libfoo-dev", version: "1.2-1", from: "bookworm/main" },
    { name: "libfoo-dev", version: "1.1-1", from: "./" },
    { name: "libbar", version: "7", from: "bookworm/contrib" },
  ]);
});
