import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { MeasuredPrograms } from "./program.ts";
import { type ActValues, type ArchiveSide, type ArchiveTask, secondsOf } from "./side.ts";

/** Debian's aptly, with every index that it can make: Packages in gz and bz2, Contents in gz. */
export const aptly: ArchiveSide = {
  name: "aptly",
  async measure(task: ArchiveTask): Promise<ActValues> {
    const base = join(task.scratchPath, "aptly");
    await mkdir(base, { recursive: true });
    const configPath = join(base, "aptly.conf");
    await writeFile(configPath, JSON.stringify({ rootDir: join(base, "root"), architectures: ["amd64"] }));
    const programs = new MeasuredPrograms({ GNUPGHOME: task.keyHomePath, HOME: base });
    const run = (...args: string[]): Promise<string> => programs.run(["aptly", `-config=${configPath}`, ...args]);
    const sign = ["-batch", `-gpg-key=${task.keyFingerprint}`];
    const publishUpdate = (name: string): Promise<string> => run("publish", "update", ...sign, name);
    for (const name of ["unstable", "testing"]) await run("repo", "create", "-component=main", `-distribution=${name}`, name);

    const imported = await secondsOf(async () => {
      await run("repo", "add", "unstable", task.initialDirectory);
      await run("publish", "repo", ...sign, "unstable");
    });
    await run("publish", "repo", ...sign, "testing");
    const added = await each(task.furtherPaths, async (path) => {
      await run("repo", "add", "unstable", path);
      await publishUpdate("unstable");
    });
    const migrated = await each(task.expendable, async (name) => {
      await run("repo", "copy", "unstable", "testing", name);
      await publishUpdate("testing");
    });
    const snapshot = await secondsOf(async () => {
      await run("snapshot", "create", "bench", "from", "repo", "unstable");
      await run("publish", "snapshot", ...sign, "-distribution=bench", "bench");
    });
    const removed = await each(task.expendable, async (name) => {
      await run("repo", "remove", "unstable", name);
      await publishUpdate("unstable");
    });
    return {
      "import all and publish": [imported],
      "add one and publish": added,
      "migrate one and publish": migrated,
      snapshot: [snapshot],
      "remove one and publish": removed,
      "clean up": [await secondsOf(() => run("db", "cleanup"))],
      "peak memory": [programs.peakMegabytes],
    };
  },
};

async function each(items: readonly string[], act: (item: string) => Promise<unknown>): Promise<number[]> {
  const values: number[] = [];
  for (const item of items) values.push(await secondsOf(() => act(item)));
  return values;
}
