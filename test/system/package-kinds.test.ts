import { afterAll, beforeAll, expect, test } from "vitest";
import { type AptRoot, aptSource, makeAptRoot } from "../support/apt.ts";
import { Daemon, hostArchitecture, hostCodename, hostVersionSuffix } from "../support/daemon.ts";
import { makeSourcePackage } from "../support/source-tree.ts";

/** One source that builds every kind of package, from dput to apt. */

let daemon: Daemon;
let architecture: string;
let unstable: string;
/** Of a layout that takes every version, for what is prepared for elsewhere. */
let developers: string;
let version: string;
const roots: AptRoot[] = [];

beforeAll(async () => {
  const [codename, suffix] = await Promise.all([hostCodename(), hostVersionSuffix()]);
  architecture = await hostArchitecture();
  unstable = `${codename}-test-unstable`;
  developers = `${codename}-debdev-unstable`;
  version = `1.0${suffix}`;
  const catalog = `[archive-sources.host]
from = "host"
[codenames.${codename}]
base = "host"
architectures = ["${architecture}"]
components = ["main", "contrib"]
lintian = "disabled"
[repositories.test]
codenames = ["${codename}"]
uploads = "unsigned"
[layouts.developers]
meta-distributions = { unstable = "${codename}-unstable" }
suites = { unstable = { uploadable = true } }
[repositories.debdev]
layout = "developers"
codenames = ["${codename}"]
uploads = "unsigned"
`;
  daemon = await Daemon.make({ catalog, sharesLayers: true });
  await daemon.start();
  await daemon.apply();
});

afterAll(async () => {
  for (const root of roots) await root.dispose();
  await daemon?.remove();
});

/** apt that sees one component. */
async function apt(component: string): Promise<AptRoot> {
  return aptRoot({ uri: `${daemon.url}/repositories/test`, suites: [unstable], components: [component] });
}

async function aptRoot(source: Omit<Parameters<typeof aptSource>[0], "armoredKey">): Promise<AptRoot> {
  const armoredKey = (await (await daemon.get("/mini_buildd/api/pub_key/?output=plain")).text()).trim();
  const root = await makeAptRoot({ sources: aptSource({ ...source, armoredKey }), architecture });
  roots.push(root);
  await root.must("apt-get", "update");
  return root;
}

const BINARIES = {
  kinds: "Architecture: any\nBuilt-Using: kinds (= ${source:Version})",
  "kinds-data": "Architecture: all",
  "kinds-extra": "Architecture: all\nSection: contrib/misc",
  "kinds-dbgsym": "Architecture: any\nSection: debug\nAuto-Built-Package: debug-symbols",
  // As Ubuntu calls them.
  "kinds-data-dbgsym": "Architecture: any\nSection: debug\nPackage-Type: ddeb",
  "kinds-udeb": "Architecture: any\nSection: debian-installer\nPackage-Type: udeb",
};

function control(): string {
  const source =
    "Source: kinds\nSection: misc\nPriority: optional\nMaintainer: Tests <tests@example.org>\nStandards-Version: 4.6.2\n";
  const binaries = Object.entries(BINARIES).map(
    ([name, fields]) => `Package: ${name}\n${fields}\nDescription: ${name} of a test\n`,
  );
  return [`${source}Rules-Requires-Root: no\n`, ...binaries].join("\n");
}

function rules(): string {
  const make = (name: string, fields: string): string => {
    const extension = /^Package-Type: (.*)$/m.exec(fields)?.[1] ?? "deb";
    const file = `../${name}_${version}_$$(sed -n 's/^Architecture: //p' debian/${name}/DEBIAN/control).${extension}`;
    return [
      `\tinstall -D -m 644 program debian/${name}/usr/share/${name}/file`,
      `\tmkdir -p debian/${name}/DEBIAN`,
      `\tdpkg-gencontrol -p${name} -Pdebian/${name}`,
      `\tdpkg-deb --root-owner-group -Zgzip --build debian/${name} ${file}`,
    ].join("\n");
  };
  const [all, any] = [true, false].map((isAll) =>
    Object.entries(BINARIES).flatMap(([name, fields]) =>
      fields.startsWith("Architecture: all") === isAll ? [make(name, fields)] : [],
    ),
  );
  return [
    "#!/usr/bin/make -f",
    "clean build build-arch build-indep:",
    "binary-indep:",
    ...(all ?? []),
    "binary-arch:",
    ...(any ?? []),
    "binary: binary-indep binary-arch",
    ".PHONY: clean build build-arch build-indep binary binary-arch binary-indep",
    "",
  ].join("\n");
}

test("a source's packages of every kind are built, installed and served where apt looks for them", async () => {
  const files = { "debian/control": control(), "debian/rules": rules() };
  const changesPath = await makeSourcePackage(daemon.scratch, { name: "kinds", version, distribution: unstable, files });

  await daemon.dput(changesPath);
  await daemon.command("wait", changesPath);

  const main = await apt("main");
  await main.must("apt-get", "install", "--download-only", "kinds", "kinds-data", "kinds-dbgsym", "kinds-data-dbgsym");
  await main.must("apt-get", "source", "--download-only", "kinds");
  const contrib = await apt("contrib");
  await contrib.must("apt-get", "install", "--download-only", "kinds-extra");
  const names = async (root: AptRoot) => (await root.must("apt-cache", "pkgnames")).trim().split("\n").toSorted();
  expect(await names(main)).toEqual(["kinds", "kinds-data", "kinds-data-dbgsym", "kinds-dbgsym"]);
  expect(await main.must("apt-cache", "show", "kinds-data-dbgsym")).toMatch(/^Filename: .*\/kinds-data-dbgsym_.*\.ddeb$/m);
  expect(await names(contrib)).toEqual(["kinds-extra"]);
  const installer = await daemon.get(
    `/repositories/test/dists/${unstable}/main/debian-installer/binary-${architecture}/Packages.gz`,
  );
  expect(installer.status).toBe(200);
  // Here itself: no extra source is needed.
  expect(await main.must("apt-cache", "showsrc", "kinds")).not.toContain("Extra-Source-Only");
});

test("an upload to plain unstable, as for Debian, is built and installed where that stands for", async () => {
  const changesPath = await makeSourcePackage(daemon.scratch, { name: "plain", version: "2.0", distribution: "unstable" });

  await daemon.dput(changesPath);
  await daemon.command("wait", changesPath);

  const uri = `${daemon.url}/repositories/debdev`;
  const root = await aptRoot({ uri, suites: [developers], components: ["main"] });
  await root.must("apt-get", "install", "--download-only", "plain=2.0");
  await root.must("apt-get", "source", "--download-only", "plain=2.0");
  expect(await root.must("apt-cache", "policy", "plain")).toContain(`${developers}/main`);
});
