import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { defaultLimits } from "../runtime/index.ts";
import { readControlFile } from "./read-control-file.ts";

test("a file above the limit is refused, one at the limit is read", async () => {
  const directory = await mkdtemp(join(tmpdir(), "mbd-control-"));
  const path = join(directory, "x.dsc");
  try {
    await writeFile(path, "");
    await truncate(path, defaultLimits.controlFileSizeBytesMax);
    expect(await readControlFile(path, "x.dsc")).toHaveLength(defaultLimits.controlFileSizeBytesMax);

    // More than readFile takes at all.
    await truncate(path, 3 * 1024 ** 3);
    const refused = readControlFile(path, "x.dsc");
    await expect(refused).rejects.toMatchObject({ kind: "invalid", code: "CONTROL_DATA_TOO_LARGE" });
  } finally {
    await rm(directory, { recursive: true });
  }
});
