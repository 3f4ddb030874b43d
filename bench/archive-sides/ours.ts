import { mkdir, readFile, writeFile } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import { basename, join, resolve } from "node:path";
import { MeasuredPrograms } from "./program.ts";
import type { ActValues, ArchiveSide, ArchiveTask } from "./side.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const SOURCES = ["bench/archive-sides/ours-process.ts", "bench/archive-sides/side.ts", "test/support/packages.ts"];

/** As in bin/mini-buildd. */
const MALLOC_SETTINGS = { MALLOC_ARENA_MAX: "2", MALLOC_MMAP_THRESHOLD_: "131072", MALLOC_TRIM_THRESHOLD_: "131072" };

/** In a process of its own, as its memory is measured; with the flags of bin/mini-buildd. */
export const ours: ArchiveSide = {
  name: "mini-buildd",
  async measure(task: ArchiveTask): Promise<ActValues> {
    const programs = new MeasuredPrograms(MALLOC_SETTINGS);
    const script = await withoutTypes(join(task.scratchPath, "bench"));
    const output = await programs.run([process.execPath, "--max-semi-space-size=8", script, ROOT, JSON.stringify(task)]);
    return { ...(JSON.parse(output) as ActValues), "peak memory": [programs.peakMegabytes] };
  },
};

/** The process as JavaScript: Node's own reading of types takes 40 MB, which the daemon does not have. Returns its path. */
async function withoutTypes(directory: string): Promise<string> {
  await mkdir(directory);
  await writeFile(join(directory, "package.json"), '{ "type": "module" }\n');
  const compiledPath = (source: string): string => join(directory, basename(source, ".ts").concat(".js"));
  for (const source of SOURCES) {
    const text = stripTypeScriptTypes(await readFile(join(ROOT, source), "utf8"));
    await writeFile(compiledPath(source), text.replaceAll(/from "[^"]*\/([a-z-]+)\.ts"/g, 'from "./$1.js"'));
  }
  return compiledPath("ours-process.ts");
}
