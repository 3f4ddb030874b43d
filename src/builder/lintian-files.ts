import { link, mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { BuildOrder } from "../buildorder/index.ts";
import type { BuiltFiles } from "./deliver.ts";
import type { LintianFiles } from "./lintian-check.ts";
import type { BuildWorkspace } from "./workspace.ts";

/** One directory with what lintian looks at when the build is done: its .changes and files and, with `withSource`, the source package. */
export async function collectBuiltFiles(
  order: BuildOrder,
  built: BuiltFiles,
  workspace: BuildWorkspace,
  { withSource }: { readonly withSource: boolean },
): Promise<LintianFiles> {
  const filesPath = join(workspace.path, "lintian");
  await mkdir(filesPath);
  for (const { name } of built.files) await link(join(workspace.resultPath, name), join(filesPath, name));
  if (order.binNmu !== undefined) return { filesPath, targets: [built.changesName, ...packageNames(built)] };
  if (!withSource) return { filesPath, targets: [built.changesName] };

  for (const { name } of order.files) await link(join(workspace.sourcePath, name), join(filesPath, name));
  return { filesPath, targets: [built.changesName, order.dscName] };
}

/** By the .changes of a binNMU, which names two versions, lintian (2.116) does not find the packages that it lists. */
function packageNames({ files }: BuiltFiles): string[] {
  return files.map(({ name }) => name).filter((name) => /\.u?deb$/.test(name));
}

/** The source package alone. */
export async function collectSourceFiles(order: BuildOrder, workspace: BuildWorkspace): Promise<LintianFiles> {
  const filesPath = join(workspace.path, "lintian-source");
  await mkdir(filesPath);
  for (const { name } of order.files) await link(join(workspace.sourcePath, name), join(filesPath, name));
  return { filesPath, targets: [order.dscName] };
}
