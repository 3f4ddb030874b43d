/**
 * Whether what is built here is what plain `sbuild --chroot-mode=unshare` builds of the same source, bit for bit: twelve source
 * packages of different kinds, of Debian 12 and 13, by the builder alone. The value is the number of binary packages that
 * differ (goal: 0); the .buildinfo files must name the same environment and the same packages. What differs is built by plain
 * sbuild once more: where that differs from itself, the package is not reproducible, and that is said instead.
 * Where a mirror lacks a source of Debian 13, this machine's release's is built on 13 instead, and that is said.
 * Usage: node bench/bit-identity.ts [--only PACKAGE]… [--bookworm] [--trixie] [--notes FILE] [--keep DIRECTORY] [--json]
 * With --notes, what the file has is not built again, so that an interrupted run goes on. With --keep, what differs is kept.
 * Needs an ordinary user with a subuid range, sbuild, mmdebstrap; 6 GiB below /var/tmp; about an hour. Three of them are in
 * test/system/bit-identity.test.ts.
 */
import { cp, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { AptRoot } from "../test/support/apt.ts";
import { downloadSource, type HostRelease, makeHostAptRoot, readHostRelease, releaseLike } from "../test/support/host-archive.ts";
import { PlainSbuild } from "../test/support/plain-sbuild.ts";
import { benchArguments } from "./support/arguments.ts";
import { BuilderSide } from "./support/builder-side.ts";
import { builtDifferences } from "./support/built-differences.ts";
import { type IdentityNote, IdentityNotes } from "./support/identity-notes.ts";
import { type BenchRow, benchRow, printReport, tell } from "./support/report.ts";

/** Source package: what it stands for, and the build profiles that it is built with. */
const PACKAGES: Readonly<Record<string, { readonly kind: string; readonly profiles?: readonly string[] }>> = {
  hello: { kind: "autotools, signed orig" },
  sl: { kind: "plain make" },
  tinyxml2: { kind: "cmake" },
  toolz: { kind: "python, build profile", profiles: ["nocheck"] },
  "libsub-name-perl": { kind: "perl with C" },
  "libtext-csv-perl": { kind: "perl, build profile", profiles: ["nocheck"] },
  cowsay: { kind: "arch:all only" },
  popt: { kind: "udeb, symbols, tests" },
  zlib: { kind: "multi-binary, dbgsym, udeb, build profile", profiles: ["nobiarch"] },
  gflags: { kind: "several origs" },
  hostname: { kind: "native" },
  "lua-cjson": { kind: "lua" },
};
const RELEASES = ["bookworm", "trixie"] as const;

const { only, flags, json, settings } = benchArguments(
  "node bench/bit-identity.ts [--only PACKAGE]… [--bookworm] [--trixie] [--notes FILE] [--keep DIRECTORY] [--json]",
  Object.keys(PACKAGES),
  RELEASES,
  ["notes", "keep"],
);
const host = await readHostRelease();
const notes = await IdentityNotes.open(settings["notes"]);
const names = Object.keys(PACKAGES).filter((name) => only.length === 0 || only.includes(name));
const rows: BenchRow[] = [];
let isComplete = true;
for (const codename of RELEASES) {
  if (flags.length > 0 && !flags.includes(codename)) continue;
  if (names.some((name) => notes.find(codename, name) === undefined)) await compareRelease(releaseLike(host, codename));
  rows.push(...names.flatMap((name) => rowOf(notes.find(codename, name))));
}
printReport("Binary packages that differ from plain sbuild's", rows, { json });
process.exitCode = isComplete && rows.every(({ met }) => met === true) ? 0 : 1;

interface Sides {
  readonly builder: BuilderSide;
  readonly sbuild: PlainSbuild;
  /** The release's own sources and then, for what its mirror lacks, those of this machine's release. */
  readonly archives: readonly Archive[];
  readonly release: HostRelease;
}

interface Archive {
  readonly codename: string;
  readonly aptRoot: AptRoot;
}

async function compareRelease(release: HostRelease): Promise<void> {
  tell(`${release.codename}: base layer and chroot`);
  const builder = await BuilderSide.make(release);
  let sbuild: PlainSbuild | undefined;
  const archives: Archive[] = [];
  try {
    sbuild = await PlainSbuild.make(release);
    for (const each of release.codename === host.codename ? [host] : [release, host])
      archives.push({ codename: each.codename, aptRoot: await makeHostAptRoot(each) });
    for (const name of names) {
      if (notes.find(release.codename, name) !== undefined) continue;
      try {
        await notes.add(await comparePackage(name, { builder, sbuild, archives, release }));
      } catch (error) {
        // A mirror may lack a file. That is not hidden: the bench does not succeed.
        tell(`${release.codename} ${name}: NOT COMPARED: ${error instanceof Error ? error.message : String(error)}`);
        isComplete = false;
      }
    }
  } finally {
    for (const { aptRoot } of archives) await aptRoot.dispose();
    await sbuild?.remove();
    await builder.remove();
  }
}

async function comparePackage(name: string, { builder, sbuild, archives, release }: Sides): Promise<IdentityNote> {
  const { codename } = release;
  const { kind = "", profiles = [] } = PACKAGES[name] ?? {};
  const { directory, dscName, sourceCodename } = await download(name, archives);
  const dscPath = join(directory, dscName);
  const theirs = await sbuild.build(dscPath, { profiles });
  const oursPath = join(builder.scratch, `identity-${name}`);
  await mkdir(oursPath, { recursive: true });
  await builder.build(
    { source: name, version: "", changesPath: "", dscPath },
    { lintian: "disabled", profiles, outputDirectory: oursPath },
  );

  const differing = await builtDifferences(theirs.directory, oursPath);
  const unstable: string[] = [];
  if (differing.length > 0) {
    await keep(`${codename}-${name}`, { ours: oursPath, theirs: theirs.directory });
    const again = await sbuild.build(dscPath, { profiles });
    const self = await builtDifferences(theirs.directory, again.directory);
    unstable.push(...differing.filter((each) => self.includes(each)));
    await sbuild.discard(again);
  }
  await rm(oursPath, { recursive: true });
  await sbuild.discard(theirs);
  const version = /_(.*)\.dsc$/.exec(dscName)?.[1] ?? "";
  tell(`${codename} ${name} ${version} (${kind}): ${differing.join(", ") || "identical"}`);
  if (unstable.length > 0) tell(`  two builds by plain sbuild differ as well in ${unstable.join(", ")}`);
  return { codename, name, version, sourceCodename, differing, unstable };
}

async function download(
  name: string,
  archives: readonly Archive[],
): Promise<{ directory: string; dscName: string; sourceCodename: string }> {
  const failures: string[] = [];
  for (const { codename, aptRoot } of archives) {
    try {
      return { ...(await downloadSource(aptRoot, name)), sourceCodename: codename };
    } catch (error) {
      failures.push(`${codename}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new Error(`its source could not be downloaded: ${failures.join("; ")}`);
}

async function keep(label: string, sides: Readonly<Record<string, string>>): Promise<void> {
  const { keep: directory } = settings;
  if (directory === undefined) return;
  for (const [side, path] of Object.entries(sides)) await cp(path, join(directory, label, side), { recursive: true });
}

function rowOf(note: IdentityNote | undefined): BenchRow[] {
  if (note === undefined) return [];
  const { codename, name, version, sourceCodename, differing, unstable } = note;
  const from = sourceCodename === codename ? "" : `, ${sourceCodename}'s source`;
  const kind = PACKAGES[name]?.kind ?? "";
  const self =
    unstable.length === 0 ? "" : ` (not counted: ${unstable.join(", ")}, which plain sbuild builds differently each time)`;
  const value = differing.length - unstable.length;
  return [benchRow({ metric: `${codename}, ${name} ${version}${from}: ${kind}${self}`, value, unit: "differ", goalMax: 0 })];
}
