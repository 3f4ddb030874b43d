import { fileURLToPath } from "node:url";
import { MeasuredPrograms } from "./program.ts";
import type { ActValues, ArchiveSide, ArchiveTask } from "./side.ts";

/** In a process of its own, as its memory is measured; with the flags of bin/mini-buildd. */
export const ours: ArchiveSide = {
  name: "mini-buildd",
  async measure(task: ArchiveTask): Promise<ActValues> {
    const programs = new MeasuredPrograms({});
    const script = fileURLToPath(new URL("./ours-process.ts", import.meta.url));
    const output = await programs.run([process.execPath, "--max-semi-space-size=8", script, JSON.stringify(task)]);
    return { ...(JSON.parse(output) as ActValues), "peak memory": [programs.peakMegabytes] };
  },
};
