import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { BuildOrder, OrderFile } from "../buildorder/index.ts";
import { copySource, makeWorkspace } from "./workspace.ts";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "mbd-workspace-"));
  await mkdir(join(directory, "source"));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

test("a source that only the daemon may read is copied so that a testbed's user may", async () => {
  const file = await uploaded("hello_1.0.dsc", "Format: 3.0 (native)\n");
  const workspace = await makeWorkspace(join(directory, "out"));

  await copySource(orderOf(file), join(directory, "source"), workspace);

  const copyPath = join(workspace.sourcePath, file.name);
  expect(await readFile(copyPath, "utf8")).toBe("Format: 3.0 (native)\n");
  expect((await stat(copyPath)).mode & 0o777).toBe(0o644);
});

test("a source that is not the one that was accepted is not built", async () => {
  const file = await uploaded("hello_1.0.dsc", "Format: 3.0 (native)\n");
  await writeFile(join(directory, "source", file.name), "Format: 3.0 (evil!!)\n");
  const workspace = await makeWorkspace(join(directory, "out"));

  await expect(copySource(orderOf(file), join(directory, "source"), workspace)).rejects.toThrow(/differs from the build order/);
});

async function uploaded(name: string, content: string): Promise<OrderFile> {
  await writeFile(join(directory, "source", name), content, { mode: 0o600 });
  return { name, sizeBytes: content.length, sha256: createHash("sha256").update(content).digest("hex") };
}

function orderOf(file: OrderFile): BuildOrder {
  return { files: [file] } as unknown as BuildOrder;
}
