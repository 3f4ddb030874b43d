import { expect, test } from "vitest";
import { AppError } from "../runtime/index.ts";
import { Catalog } from "./catalog.ts";
import { parseCatalog } from "./parse.ts";
import { resolveCatalog } from "./resolve.ts";

const KEYS = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAQID\n=AAAA\n-----END PGP PUBLIC KEY BLOCK-----\n";

async function suitesOf(codename: string): Promise<string[]> {
  const document = parseCatalog(
    `[archive-sources.host]\nfrom = "host"\n[codenames.${codename}]\nbase = "host"\narchitectures = ["amd64"]\n`,
  );
  const suite = (uri: string, name: string) => ({ uri, suite: name, components: ["main"], releaseVersion: "12", keys: KEYS });
  const suites = [
    suite("http://m.example/debian", "bookworm"),
    suite("http://m.example/debian", "bookworm-updates"),
    suite("http://m.example/security", "bookworm-security"),
  ];
  const readHost = async () => ({ codename: "bookworm", origin: "Debian", suites });
  const catalog = await resolveCatalog(document, { etcPath: "/nonexistent", readHost });
  return catalog.buildSources(codename).base.map(({ deb822 }) => /^Suites: (.*)$/m.exec(deb822)?.[1] ?? "");
}

test.each([
  ["bookworm", ["bookworm bookworm-updates", "bookworm-security"]],
  ["trixie", ["trixie trixie-updates", "trixie-security"]],
  ["bullseye", ["bullseye bullseye-updates", "bullseye-security"]],
  ["buster", ["buster buster-updates", "buster/updates"]],
  ["sid", ["sid"]],
])("the suites of %s on the host's mirrors", async (codename, expected) => {
  expect(await suitesOf(codename)).toEqual(expected);
});

function targetOf(codename: string, keys = "") {
  const toml = `[archive-sources.a]\nfrom = "host"\n[codenames.${codename}]\nbase = "a"\narchitectures = ["amd64"]\n${keys}
[repositories.test]\ncodenames = ["${codename}"]\nuploads = "unsigned"\n`;
  return new Catalog(parseCatalog(toml), new Map(), "/x").findDistribution(`${codename}-test-unstable`);
}

test("a frozen archive's dates are not looked at; others' are", () => {
  expect(targetOf("stretch")?.aptOptions).toEqual(["Acquire::Check-Valid-Until=false"]);
  expect(targetOf("trixie")?.aptOptions).toEqual([]);
  expect(targetOf("buster", 'apt-options = ["Acquire::Retries=5"]')?.aptOptions).toEqual([
    "Acquire::Check-Valid-Until=false",
    "Acquire::Retries=5",
  ]);
  expect(targetOf("trixie", 'base-packages = ["eatmydata"]')?.basePackages).toEqual(["eatmydata"]);
});

test.each(['apt-options = ["APT::Update::Pre-Invoke::=touch /x"]', 'apt-options = ["Dir=/x"]', 'base-packages = ["--x"]'])(
  "%s is refused",
  (line) => {
    expect(() => targetOf("trixie", line)).toThrow(AppError);
  },
);
