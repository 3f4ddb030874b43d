/**
 * Whether what is built here is what plain `sbuild --chroot-mode=unshare` builds of the same source, bit for bit: twelve source
 * packages of different kinds, of Debian 12 and 13, by the builder alone. The value is the number of binary packages that
 * differ (goal: 0); the .buildinfo files must name the same environment and the same packages.
 * Usage: node bench/bit-identity.ts [--only PACKAGE]… [--bookworm] [--trixie] [--json]
 * Needs an ordinary user with a subuid range, sbuild, mmdebstrap; 6 GiB below /var/tmp; about an hour. Three of them are in
 * test/system/bit-identity.test.ts.
 */
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { fieldValue, parseDeb822Stanzas } from "../src/formats/index.ts";
import type { AptRoot } from "../test/support/apt.ts";
import { downloadSource, type HostRelease, makeHostAptRoot, readHostRelease, releaseLike } from "../test/support/host-archive.ts";
import { PlainSbuild } from "../test/support/plain-sbuild.ts";
import { benchArguments } from "./support/arguments.ts";
import { BuilderSide } from "./support/builder-side.ts";
import { type BenchRow, benchRow, printReport, tell } from "./support/report.ts";

/** Source package: what it stands for, and the build profiles that it is built with. */
const PACKAGES: Readonly<Record<string, { readonly kind: string; readonly profiles?: readonly string[] }>> = {
  hello: { kind: "autotools, signed orig" },
  sl: { kind: "plain make" },
  tinyxml2: { kind: "cmake" },
  toolz: { kind: "python" },
  "libtext-iconv-perl": { kind: "perl with C" },
  "libtext-csv-perl": { kind: "perl, build profile", profiles: ["nocheck"] },
  cowsay: { kind: "arch:all only" },
  popt: { kind: "udeb, symbols, tests" },
  zlib: { kind: "multi-binary, dbgsym, udeb, build profile", profiles: ["nobiarch"] },
  "node-abbrev": { kind: "several origs" },
  hostname: { kind: "native" },
  "lua-cjson": { kind: "lua" },
};
const RELEASES = ["bookworm", "trixie"] as const;

const { only, flags, json } = benchArguments(
  "node bench/bit-identity.ts [--only PACKAGE]… [--bookworm] [--trixie] [--json]",
  Object.keys(PACKAGES),
  RELEASES,
);
const host = await readHostRelease();
const rows: BenchRow[] = [];
let isComplete = true;
for (const codename of RELEASES) {
  if (flags.length > 0 && !flags.includes(codename)) continue;
  rows.push(...(await compareRelease(releaseLike(host, codename))));
}
printReport("Binary packages that differ from plain sbuild's", rows, { json });
process.exitCode = isComplete && rows.every(({ met }) => met === true) ? 0 : 1;

async function compareRelease(release: HostRelease): Promise<BenchRow[]> {
  tell(`${release.codename}: base layer and chroot`);
  const builder = await BuilderSide.make(release);
  let sbuild: PlainSbuild | undefined;
  let aptRoot: AptRoot | undefined;
  try {
    sbuild = await PlainSbuild.make(release);
    aptRoot = await makeHostAptRoot(release);
    const found: BenchRow[] = [];
    for (const name of Object.keys(PACKAGES)) {
      if (only.length > 0 && !only.includes(name)) continue;
      const source = await downloadSource(aptRoot, name).catch(() => undefined);
      // A mirror may lack a file. That is not hidden: the bench does not succeed.
      if (source === undefined) {
        tell(`${release.codename} ${name}: NOT COMPARED, its source could not be downloaded`);
        isComplete = false;
        continue;
      }
      found.push(await comparePackage(name, source, { builder, sbuild, release }));
    }
    return found;
  } finally {
    await aptRoot?.dispose();
    await sbuild?.remove();
    await builder.remove();
  }
}

async function comparePackage(
  name: string,
  { directory, dscName }: { directory: string; dscName: string },
  { builder, sbuild, release }: { builder: BuilderSide; sbuild: PlainSbuild; release: HostRelease },
): Promise<BenchRow> {
  const { kind = "", profiles = [] } = PACKAGES[name] ?? {};
  const dscPath = join(directory, dscName);
  const theirs = await sbuild.build(dscPath, { profiles });
  const oursPath = join(builder.scratch, `identity-${name}`);
  await mkdir(oursPath, { recursive: true });
  await builder.build(
    { source: name, version: "", changesPath: "", dscPath },
    { lintian: "disabled", profiles, outputDirectory: oursPath },
  );

  const differing = await countDifferences(theirs.directory, oursPath);
  tell(`${release.codename} ${name} (${kind}): ${differing.join(", ") || "identical"}`);
  await rm(oursPath, { recursive: true });
  await sbuild.discard(theirs);
  return benchRow({ metric: `${release.codename}, ${name}: ${kind}`, value: differing.length, unit: "differ", goalMax: 0 });
}

/** Names of what differs, or is only on one side. */
async function countDifferences(theirsPath: string, oursPath: string): Promise<string[]> {
  const [theirs, ours] = await Promise.all([describeOutput(theirsPath), describeOutput(oursPath)]);
  if (theirs.size === 0) return ["nothing was built"];
  const names = new Set([...theirs.keys(), ...ours.keys()]);
  return [...names].filter((name) => theirs.get(name) !== ours.get(name));
}

/** Each binary package by its hash; the circumstances of the build as the .buildinfo has them. */
async function describeOutput(directory: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const file of await readdir(directory)) {
    const bytes = /\.(?:u?deb|ddeb|buildinfo)$/.test(file) ? await readFile(join(directory, file)) : undefined;
    if (bytes === undefined) continue;
    if (!file.endsWith(".buildinfo")) found.set(file, createHash("sha256").update(bytes).digest("hex"));
    else found.set("buildinfo", circumstancesOf(bytes));
  }
  return found;
}

function circumstancesOf(buildinfo: Buffer): string {
  const [stanza] = parseDeb822Stanzas(buildinfo);
  if (stanza === undefined) return "";
  const fields = ["Source", "Version", "Build-Architecture", "Installed-Build-Depends", "Environment"];
  // When it was built is the one thing that may differ.
  return fields.map((field) => fieldValue(stanza, field) ?? "").join("\n");
}
