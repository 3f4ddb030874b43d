import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { formatBinaryStanzas, formatSourcesStanza } from "../../../src/archive/index-stanza.ts";
import {
  fieldValue,
  formatRelations,
  isFileName,
  isPackageName,
  parseBuildinfo,
  parseChangelog,
  parseChanges,
  parseDeb822Stanzas,
  parseDsc,
  parseRelations,
  readDeb,
} from "../../../src/formats/index.ts";
import { parseUploadOptions } from "../../../src/rules/index.ts";
import { extractTree } from "../../../src/testbed/extract-tree.ts";
import { makeAr, makeTar } from "../packages.ts";
import { mutate, type Random } from "./mutate.ts";
import type { Seeds } from "./seeds.ts";

/** One reader of hostile input, how its input is made, and what must hold when it takes it. */
export interface FuzzTarget {
  readonly name: string;
  make(random: Random): Buffer;
  /** Resolves when the input is taken; an AppError is a refusal; everything else is a find. */
  run(input: Buffer): Promise<void>;
  dispose?(): Promise<void>;
}

/** Says what an accepted input broke. */
class BrokenPromise extends Error {
  override readonly name = "BrokenPromise";
}

function promise(holds: boolean, what: string): void {
  if (!holds) throw new BrokenPromise(what);
}

export async function fuzzTargets(seeds: Seeds, scratchPath: string): Promise<FuzzTarget[]> {
  const text = (name: string, samples: readonly Buffer[], run: (input: Buffer) => void): FuzzTarget => ({
    name,
    make: (random) => mutate(random.pick(samples), random),
    run: async (input) => run(input),
  });
  return [
    text(".changes", seeds.changes, checkChanges),
    text(".dsc", seeds.dscs, checkDsc),
    text(".buildinfo", seeds.buildinfos, (input) => void parseBuildinfo(input)),
    text("changelog", seeds.changelogs, (input) => {
      for (const entry of parseChangelog(input, { entriesMax: 10 })) promise(isPackageName(entry.source), "a name of no source");
    }),
    text("relations", seeds.relations, checkRelations),
    { name: ".deb", make: (random) => damagedDeb(seeds, random), run: checkDeb },
    { name: "control in a .deb", make: (random) => debOf(mutate(random.pick(seeds.controls), random)), run: checkDeb },
    { name: "tar in a .deb", make: (random) => debOf(random.pick(seeds.controls), damagedTar(random)), run: checkDeb },
    await treeTarget(scratchPath),
  ];
}

function checkChanges(input: Buffer): void {
  const changes = parseChanges(input);
  promise(isPackageName(changes.source), "a source of another name's grammar");
  for (const { name } of changes.files) promise(isFileName(name), `a file called ${JSON.stringify(name)}`);
  parseUploadOptions(changes.changes);
}

function checkDsc(input: Buffer): void {
  const dsc = parseDsc(input);
  for (const { name } of dsc.files) {
    promise(isFileName(name) && name.startsWith(`${dsc.source}_`), `a file called ${JSON.stringify(name)}`);
  }
  const files = dsc.files.map(({ name, sizeBytes, sha256 }) => ({ name, sizeBytes, sha256, md5: "0", sha1: "0" }));
  const stanza = formatSourcesStanza({ dsc, section: "misc", files, directory: "pool/main/x" } as never);
  onlyStanza(stanza, { Package: dsc.source, Version: dsc.version, Directory: "pool/main/x" });
}

function checkRelations(input: Buffer): void {
  const relations = parseRelations(input.toString("utf8"));
  const again = parseRelations(formatRelations(relations));
  promise(JSON.stringify(again) === JSON.stringify(relations), "relations that read differently when written");
}

async function checkDeb(input: Buffer): Promise<void> {
  const { control, files } = await readDeb(input);
  for (const { path } of files) {
    const isInside =
      !path.startsWith("/") && !path.split("/").includes("..") && !/\p{Cc}/u.test(path.replaceAll(/[\x80-\x9f]/g, ""));
    promise(isInside, `a file called ${JSON.stringify(path)}`);
  }
  const file = { name: "x.deb", sizeBytes: 1, sha256: "0", md5: "0", sha1: "0" };
  const binary = { name: control.packageName, kind: "deb", control: control.stanza };
  const { packages, translation } = formatBinaryStanzas(binary, file as never, "pool/main/x.deb");
  const { packageName, version, architecture } = control;
  onlyStanza(packages, {
    Package: packageName,
    Version: version,
    Architecture: architecture,
    Filename: "pool/main/x.deb",
    Size: "1",
  });
  if (translation !== "") onlyStanza(translation, { Package: packageName });
}

/** What goes into an index is one stanza, which says of ours only what we say. */
function onlyStanza(text: string, expected: Readonly<Record<string, string>>): void {
  const stanzas = parseDeb822Stanzas(text);
  promise(stanzas.length === 1, `${stanzas.length} stanzas for one package`);
  for (const [name, value] of Object.entries(expected)) {
    const [stanza] = stanzas;
    promise(stanza !== undefined && fieldValue(stanza, name) === value, `${name} of an index is not ${JSON.stringify(value)}`);
  }
}

/** Raw damage; the seeds have every compression there is, and processes for some of them cost much. */
function damagedDeb(seeds: Seeds, random: Random): Buffer {
  return mutate(random.below(20) === 0 ? random.pick(seeds.debsByProcess) : random.pick(seeds.debs), random);
}

function debOf(control: Buffer, data: Buffer = makeTar({ "./usr/share/doc/x": "x" })): Buffer {
  return makeAr({
    "debian-binary": Buffer.from("2.0\n"),
    "control.tar.gz": gzipSync(makeTar({ "./control": control }), { level: 1 }),
    "data.tar.gz": gzipSync(data, { level: 1 }),
  });
}

const TREE = { "./a/file": "content", "./a/b/long name": "x".repeat(700), "./program!": "#!/bin/sh\n", "./c/empty": "" };
const NAMES = [
  "../outside",
  "/outside",
  "a/../../outside",
  "a/b",
  "a",
  ".",
  "",
  "a/file",
  "\0",
  "x/".repeat(150),
  "n".repeat(99),
];
const TYPES = ["0", "1", "2", "3", "5", "6", "L", "K", "x", "g", "S", "\0", "9"];

/** Headers changed where it hurts, with a checksum that fits again; sometimes raw damage on top. */
function damagedTar(random: Random): Buffer {
  const tar = Buffer.from(makeTar(TREE));
  const headers = headerOffsets(tar);
  for (let count = 1 + random.below(3); count > 0; count -= 1) {
    const at = random.pick(headers);
    const harm = random.below(5);
    if (harm === 0) tar.write(random.pick(NAMES).padEnd(100, "\0").slice(0, 100), at, "latin1");
    if (harm === 1) tar.write(random.pick(TYPES), at + 156, "latin1");
    if (harm === 2) tar.write(random.pick(["../../outside", "/etc/passwd", "a", ""]).padEnd(100, "\0"), at + 157, "latin1");
    if (harm === 3)
      tar.write(
        random.pick(["77777777777\0", "00000000000\0", "-0000000001\0", "\x80\0\0\0\x7f", "99999999999\0"]),
        at + 124,
        "latin1",
      );
    if (harm === 4) tar[at + random.below(500)] = random.below(256);
    fixChecksum(tar, at);
  }
  return random.below(4) === 0 ? mutate(tar, random) : tar;
}

function headerOffsets(tar: Buffer): number[] {
  const offsets: number[] = [];
  for (let at = 0; at + 512 <= tar.length; at += 512)
    if (tar.toString("latin1", at + 257, at + 262) === "ustar") offsets.push(at);
  return offsets;
}

function fixChecksum(tar: Buffer, at: number): void {
  tar.write("        ", at + 148, "latin1");
  const sum = tar.subarray(at, at + 512).reduce((total, byte) => total + byte, 0);
  tar.write(`${sum.toString(8).padStart(6, "0")}\0 `, at + 148, "latin1");
}

/** What testbeds hand out is unpacked here: nothing may appear or change beside its directory. */
async function treeTarget(scratchPath: string): Promise<FuzzTarget> {
  const top = await mkdtemp(join(scratchPath, "tree-"));
  const places = join(top, "places");
  await mkdir(places);
  await writeFile(join(top, "outside"), "untouched");
  const links = ["skip", "keep"] as const;
  let turn = 0;
  return {
    name: "tree out of a testbed",
    make: (random) => damagedTar(random),
    run: async (input) => {
      const place = join(places, "place");
      turn += 1;
      try {
        await extractTree(Readable.from([input]), place, { links: links[turn % 2] ?? "skip", sizeBytesMax: 1_000_000 });
      } finally {
        const around = [...(await readdir(top)), ...(await readdir(places))].toSorted();
        const content = await readFile(join(top, "outside"), "utf8");
        await rm(place, { recursive: true, force: true });
        promise(
          around.join(" ") === "outside place places" && content === "untouched",
          `files beside the directory: ${around.join(" ")}`,
        );
      }
    },
    dispose: () => rm(top, { recursive: true, force: true }),
  };
}
