import { join } from "node:path";
import { sourceDirectory } from "../farm/index.ts";
import type { PackagerContext } from "./packager-context.ts";

/** Where files wait from their delivery until the check of the upload begins; named by the .changes' content. */
export function stagingPath(context: Pick<PackagerContext, "farm">, changesSha256: string): string {
  return join(context.farm.buildsPath, ".staging", changesSha256);
}

/** A .deb or one of its kinds. */
export function isBinaryPackageName(name: string): boolean {
  return /\.(?:deb|udeb|ddeb)$/.test(name);
}

/** The upload's own copy of its files: .changes, .dsc, tarballs; builders are given what the .dsc lists. */
export function uploadPath(context: Pick<PackagerContext, "farm">, uploadId: string): string {
  return sourceDirectory(context.farm, uploadId);
}
