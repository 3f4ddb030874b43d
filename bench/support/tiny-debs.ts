import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { makeAr, makeTar } from "../../test/support/packages.ts";

const SECTIONS = ["misc", "libs", "utils", "net", "devel"];

/** "pkg-000042": names of the bench's packages, in their order. */
export function tinyName(index: number): string {
  return `pkg-${String(index).padStart(6, "0")}`;
}

/** Real binary packages of about a kilobyte, each of a source package of its own, with what indexes are made of. Returns their paths. */
export async function makeTinyDebs(directory: string, range: { from: number; to: number }): Promise<string[]> {
  await mkdir(directory, { recursive: true });
  const paths: string[] = [];
  for (let index = range.from; index < range.to; index += 1) {
    const path = join(directory, `${tinyName(index)}_1.0-1_all.deb`);
    await writeFile(path, tinyDeb(index));
    paths.push(path);
  }
  return paths;
}

export async function removeTinyDebs(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
}

function tinyDeb(index: number): Buffer {
  const name = tinyName(index);
  // No two packages say the same: text that repeats would compress as nothing real does.
  const word = (factor: number): string =>
    Math.imul(index + 1, factor)
      .toString(36)
      .replace("-", "");
  const control = [
    `Package: ${name}`,
    "Version: 1.0-1",
    "Architecture: all",
    `Maintainer: Maintainer ${word(7919)} <${word(104_729)}@example.org>`,
    `Installed-Size: ${1 + (index % 977)}`,
    `Depends: libc6 (>= 2.${index % 37}), ${tinyName(Math.abs(Math.imul(index, 31)) % (index + 1))}`,
    `Section: ${SECTIONS[index % SECTIONS.length]}`,
    "Priority: optional",
    `Homepage: https://example.org/${word(2_654_435_761)}`,
    `Description: package ${index} of the bench, ${word(40_503)}`,
    ` What it is good for takes some lines to say, as ${word(69_069)} and`,
    ` ${word(1_664_525)} have it: it is one of many.`,
    "",
  ].join("\n");
  const files = {
    [`./usr/share/doc/${name}/copyright`]: `Public domain, ${word(16_807)}.\n`,
    [`./usr/share/${name}/data`]: `${index}\n`,
  };
  return makeAr({
    "debian-binary": Buffer.from("2.0\n"),
    "control.tar.gz": gzipSync(makeTar({ "./control": control }), { level: 1 }),
    "data.tar.gz": gzipSync(makeTar(files), { level: 1 }),
  });
}
