import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { BuildOrder, OrderFile } from "../buildorder/index.ts";
import { buildFileName, parseVersion } from "../formats/index.ts";
import { hashFile, runChecked } from "../runtime/index.ts";
import type { BuildWorkspace } from "./workspace.ts";

const TIMEOUT_MS = 5 * 60 * 1000;

export interface TestOutput {
  readonly order: BuildOrder;
  readonly workspace: BuildWorkspace;
  /** Before it is compressed, too. */
  readonly sizeBytesMax: number;
  readonly signal: AbortSignal;
  readonly tell: (line: string) => void;
}

/**
 * What autopkgtest put into its output directories: logs, what tests printed, their artifacts. One file for download, in
 * `workspace.leftPath`; none when there were no tests. Links in it are packed as links, never followed.
 */
export async function packTestOutput({ order, workspace, sizeBytesMax, signal, tell }: TestOutput): Promise<OrderFile[]> {
  const names = await findOutputs(workspace);
  if (names.length === 0) return [];

  const sizeBytes = await diskUse(workspace, names, signal);
  if (sizeBytes > sizeBytesMax) {
    tell(
      `the output of the tests has ${Math.ceil(sizeBytes / 1024 ** 2)} MiB: too much to be downloaded (limit failedProductsSizeBytesMax)`,
    );
    return [];
  }
  const name = buildFileName(order.source, parseVersion(order.version), `_${order.architecture}.autopkgtest.tar.zst`);
  const path = join(workspace.leftPath, name);
  await rm(path, { force: true });
  await runChecked({
    argv: [
      "tar",
      "--create",
      "--zstd",
      `--file=${path}`,
      "--owner=root:0",
      "--group=root:0",
      `--directory=${workspace.path}`,
      "--",
      ...names,
    ],
    timeoutMs: TIMEOUT_MS,
    signal,
  });
  const hashes = await hashFile(path);
  return [{ name, sizeBytes: hashes.sizeBytes, sha256: hashes.sha256 }];
}

/** `autopkgtest-0/output`, …: see the check. */
async function findOutputs({ path }: BuildWorkspace): Promise<string[]> {
  const groups = (await readdir(path)).filter((name) => /^autopkgtest-\d+$/.test(name)).map((name) => `${name}/output`);
  const stats = await Promise.all(groups.map((name) => stat(join(path, name)).catch(() => undefined)));
  return groups.filter((_, index) => stats[index] !== undefined).toSorted();
}

async function diskUse({ path }: BuildWorkspace, names: readonly string[], signal: AbortSignal): Promise<number> {
  const argv = ["du", "--summarize", "--total", "--apparent-size", "--block-size=1", "--", ...names] as const;
  const ended = await runChecked({ argv: [...argv], cwd: path, timeoutMs: TIMEOUT_MS, signal });
  return Number.parseInt(ended.stdout.toString("utf8").trimEnd().split("\n").at(-1) ?? "", 10);
}
