import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseCatalog, readHostArchive, resolveCatalog } from "../../../src/catalog/index.ts";
import { makeTestKey, type TestKey } from "../../support/keys.ts";
import { type AptRoot, makeAptRoot, makeArchive } from "./apt-root.ts";

let root: AptRoot;
let key: TestKey;

beforeEach(async () => {
  root = await makeAptRoot();
  key = await makeTestKey();
});

afterEach(async () => {
  await key.dispose();
  await rm(root.path, { recursive: true });
});

test("release, updates and security of the host are read with their keys; others are left out", async () => {
  await configureDebian();
  await configureThirdParty();
  await root.apt(["update"]);

  const host = await readHost();

  expect(host).toMatchObject({ codename: "bookworm", origin: "Debian" });
  expect(host.suites.map(({ suite, releaseVersion }) => [suite, releaseVersion])).toEqual([
    ["bookworm", "12.9"],
    ["bookworm-updates", "12-updates"],
    ["bookworm-security", "12"],
  ]);
  expect(host.suites[0]?.components).toEqual(["main"]);
});

test("APT takes the sources of a resolved catalog by their inline key, and refuses another key's", async () => {
  await configureDebian();
  await root.apt(["update"]);
  const document = parseCatalog(`
[archive-sources.debian]
from = "host"
[codenames.bookworm]
base = "debian"
architectures = ["amd64"]
`);

  const catalog = await resolveCatalog(document, { etcPath: root.path, readHost });
  const { base } = catalog.buildSources("bookworm");
  const other = await makeAptRoot();
  for (const { name, deb822 } of base) await writeFile(join(other.path, `etc/sources.list.d/${name}.sources`), deb822);
  const updated = await other.apt(["update"]);
  await writeFile(join(other.path, "etc/sources.list.d/debian-bookworm.sources"), await withStrangersKey(base[0]?.deb822 ?? ""));

  expect(base.map(({ name }) => name)).toEqual(["debian-bookworm", "debian-bookworm-2"]);
  expect(updated).toMatch(/bookworm-security InRelease/);
  await expect(other.apt(["update"])).rejects.toMatchObject({ code: "COMMAND_FAILED" });
  await rm(other.path, { recursive: true });
});

test("a codename that is not the host's own is taken from the host's mirrors under its name", async () => {
  await configureDebian();
  await root.apt(["update"]);
  const codenames = ["trixie", "sid"].map((name) => `[codenames.${name}]\nbase = "debian"\narchitectures = ["amd64"]\n`);
  const document = parseCatalog(`[archive-sources.debian]\nfrom = "host"\n${codenames.join("")}`);

  const catalog = await resolveCatalog(document, { etcPath: root.path, readHost });
  const suitesOf = (codename: string): string[] =>
    catalog.buildSources(codename).base.map(({ deb822 }) => /^Suites: (.*)$/m.exec(deb822)?.[1] ?? "");

  expect(suitesOf("trixie")).toEqual(["trixie trixie-updates", "trixie-security"]);
  expect(suitesOf("sid")).toEqual(["sid"]);
});

test("a host without package lists is an error of the build that wants them, with what to do", async () => {
  await configureDebian();
  const document = parseCatalog(
    '[archive-sources.debian]\nfrom = "host"\n[codenames.bookworm]\nbase = "debian"\narchitectures = ["amd64"]\n',
  );

  const catalog = await resolveCatalog(document, { etcPath: root.path, readHost });

  expect(() => catalog.buildSources("bookworm")).toThrow(
    expect.objectContaining({
      kind: "unavailable",
      code: "HOST_ARCHIVE_UNKNOWN",
      hint: expect.stringContaining("apt-get update"),
    }),
  );
});

test("a source without Signed-By is checked with what APT trusts", async () => {
  await makeArchive({ path: join(root.path, "debian"), suite: "bookworm", origin: "Debian", version: "12.9", key });
  await writeFile(join(root.path, "etc/sources.list"), `deb file:${root.path}/debian bookworm main\n`);
  await writeFile(join(root.path, "etc/trusted.gpg.d/debian.asc"), await key.armoredPublicKey());
  await root.apt(["update"]);

  const host = await readHost();

  expect(host.suites[0]?.keys).toContain("-----BEGIN PGP PUBLIC KEY BLOCK-----");
});

test("a mirror list is replaced by its first mirror, which a testbed can reach", async () => {
  await makeArchive({ path: join(root.path, "debian"), suite: "bookworm", origin: "Debian", version: "12.9", key });
  await writeFile(join(root.path, "mirrors.list"), `# mirrors\nfile:${root.path}/debian\tpriority:1\n`);
  await writeFile(
    join(root.path, "etc/sources.list"),
    `deb [signed-by=${key.publicKeyPath}] mirror+file:${root.path}/mirrors.list bookworm main\n`,
  );
  await root.apt(["update"]);

  const host = await readHost();

  expect(host.suites.map(({ uri }) => uri)).toEqual([`file:${root.path}/debian`]);
});

function readHost() {
  return readHostArchive({ aptConfigPath: root.configPath, osReleasePath: root.osReleasePath });
}

async function configureDebian(): Promise<void> {
  const debian = join(root.path, "debian");
  await makeArchive({ path: debian, suite: "bookworm", origin: "Debian", version: "12.9", key });
  await makeArchive({ path: debian, suite: "bookworm-updates", origin: "Debian", version: "12-updates", key });
  await makeArchive({ path: debian, suite: "bookworm-backports", origin: "Debian Backports", key });
  await makeArchive({ path: join(root.path, "security"), suite: "bookworm-security", origin: "Debian", version: "12", key });
  await writeFile(
    join(root.path, "etc/sources.list.d/debian.sources"),
    `Types: deb
URIs: file:${root.path}/debian
Suites: bookworm-backports bookworm-updates bookworm
Components: main
Signed-By: ${key.publicKeyPath}

Types: deb
URIs: file:${root.path}/security/
Suites: bookworm-security
Components: main
Signed-By: ${key.publicKeyPath}
`,
  );
}

async function configureThirdParty(): Promise<void> {
  await makeArchive({ path: join(root.path, "vendor"), suite: "bookworm", origin: "Vendor", key });
  await writeFile(
    join(root.path, "etc/sources.list.d/vendor.list"),
    `deb [signed-by=${key.publicKeyPath}] file:${root.path}/vendor bookworm main\n`,
  );
}

/** The same source as if someone else had to have signed it. */
async function withStrangersKey(deb822: string): Promise<string> {
  const stranger = await makeTestKey();
  const keyLines = (await stranger.armoredPublicKey())
    .trim()
    .split("\n")
    .map((line) => ` ${line === "" ? "." : line}`);
  await stranger.dispose();
  return `${deb822.replace(/Signed-By:[\s\S]*$/, "")}Signed-By:\n${keyLines.join("\n")}\n`;
}
