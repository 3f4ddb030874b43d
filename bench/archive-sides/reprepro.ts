import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { MeasuredPrograms } from "./program.ts";
import { type ActValues, type ArchiveSide, type ArchiveTask, secondsOf } from "./side.ts";

/** One call takes so many files: the kernel limits arguments. */
const FILES_PER_CALL = 5_000;

/** Debian's reprepro, with every index that it can make: Packages in gz and xz, Contents in gz. */
export const reprepro: ArchiveSide = {
  name: "reprepro",
  async measure(task: ArchiveTask): Promise<ActValues> {
    const base = join(task.scratchPath, "reprepro");
    await mkdir(join(base, "conf"), { recursive: true });
    await writeFile(join(base, "conf/distributions"), ["unstable", "testing"].map((name) => distribution(name, task)).join("\n"));
    const programs = new MeasuredPrograms({ GNUPGHOME: task.keyHomePath });
    const run = (...args: string[]): Promise<string> => programs.run(["reprepro", "--silent", "--silent", "-b", base, ...args]);

    const names = (await readdir(task.initialDirectory)).sort();
    const imported = await secondsOf(async () => {
      for (let from = 0; from < names.length; from += FILES_PER_CALL) {
        const paths = names.slice(from, from + FILES_PER_CALL).map((name) => join(task.initialDirectory, name));
        await run("--export=never", "includedeb", "unstable", ...paths);
      }
      await run("export", "unstable", "testing");
    });
    const added: number[] = [];
    for (const path of task.furtherPaths) added.push(await secondsOf(() => run("includedeb", "unstable", path)));
    const migrated: number[] = [];
    for (const name of task.expendable) migrated.push(await secondsOf(() => run("copy", "testing", "unstable", name)));
    const snapshot = await secondsOf(() => run("gensnapshot", "unstable", "bench"));
    const removed: number[] = [];
    for (const name of task.expendable) removed.push(await secondsOf(() => run("remove", "unstable", name)));
    const cleaned = await secondsOf(() => run("deleteunreferenced"));
    return {
      "import all and publish": [imported],
      "add one and publish": added,
      "migrate one and publish": migrated,
      snapshot: [snapshot],
      "remove one and publish": removed,
      "clean up": [cleaned],
      "peak memory": [programs.peakMegabytes],
    };
  },
};

function distribution(name: string, task: ArchiveTask): string {
  return [
    `Codename: ${name}`,
    "Architectures: amd64 source",
    "Components: main",
    `SignWith: ${task.keyFingerprint}`,
    "DebIndices: Packages Release . .gz .xz",
    "Contents: .gz",
    "",
  ].join("\n");
}
