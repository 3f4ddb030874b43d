import { link, mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { BuildOrder } from "../buildorder/index.ts";
import type { BuiltFiles } from "./deliver.ts";
import type { BuildWorkspace } from "./workspace.ts";

/**
 * One directory with what lintian looks at: the build's .changes and files, and, in the one build that makes the
 * arch:all packages, the source too (once per upload is enough).
 */
export async function collectLintianFiles(
  order: BuildOrder,
  built: BuiltFiles,
  workspace: BuildWorkspace,
): Promise<{ filesPath: string; targets: string[] }> {
  const filesPath = join(workspace.path, "lintian");
  await mkdir(filesPath);
  for (const { name } of built.files) await link(join(workspace.resultPath, name), join(filesPath, name));
  if (!order.buildsAll) return { filesPath, targets: [built.changesName] };

  for (const { name } of order.files) await link(join(workspace.sourcePath, name), join(filesPath, name));
  return { filesPath, targets: [built.changesName, order.dscName] };
}
