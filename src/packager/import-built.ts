import { type ImportedBinary, type InstallRequest, importBinary } from "../archive/index.ts";
import { type BuiltFile, listBuiltFiles } from "../farm/index.ts";
import type { Dsc } from "../formats/index.ts";
import { AppError } from "../runtime/index.ts";
import type { PackagerContext } from "./packager-context.ts";
import type { Upload } from "./upload.ts";
import { isBinaryPackageName } from "./upload-paths.ts";

/** What the builds of an upload made, in the pool. Throws BINARY_FOREIGN (invalid). */
export async function importBuilt(
  context: PackagerContext,
  upload: Upload,
  source: { readonly name: string; readonly version: Dsc["version"] },
): Promise<Pick<InstallRequest, "binaries" | "buildinfos">> {
  const built = await listBuiltFiles(context.farm, context.database.read, upload.id);

  const binaries: ImportedBinary[] = [];
  for (const file of built.filter(({ name }) => isBinaryPackageName(name))) {
    const binary = await importBinary(context.archive.contentStore, file.path, expected(file), { limits: context.limits });
    checkBelongs(binary, source, file);
    binaries.push(binary);
  }

  const buildinfos = [];
  for (const file of built.filter(({ name }) => name.endsWith(".buildinfo"))) {
    const stored = await context.archive.contentStore.importFile(file.path, expected(file));
    buildinfos.push({ file: stored, source: source.name, sourceVersion: source.version });
  }
  return { binaries, buildinfos };
}

export function expected({ name, sizeBytes, sha256 }: { name: string; sizeBytes: number; sha256: string }) {
  return { name, sizeBytes, sha256 };
}

/** A package names its own source: a build cannot bring packages in under the name of another. */
function checkBelongs(binary: ImportedBinary, source: { name: string; version: string }, file: BuiltFile): void {
  const isOfSource = binary.source === source.name && binary.sourceVersion === source.version;
  const isOfBuild = binary.architecture === "all" || binary.architecture === file.architecture;
  if (isOfSource && isOfBuild) return;

  throw new AppError({
    kind: "invalid",
    code: "BINARY_FOREIGN",
    message: `${file.name}, built from ${source.name} ${source.version} on ${file.architecture}, says it is of ${binary.source} ${binary.sourceVersion} for ${binary.architecture}`,
    hint: "Do not set the Source or Architecture of a binary package by hand",
  });
}
