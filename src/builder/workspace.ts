import { constants } from "node:fs";
import { chmod, copyFile, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { BuildOrder } from "../buildorder/index.ts";
import { hashFile } from "../runtime/index.ts";
import { environmentFailed } from "./ending.ts";

/** The scratch directories of one build; nothing in them survives it. */
export interface BuildWorkspace {
  readonly path: string;
  /** HOME of sbuild: a generated configuration and nothing of the user's. */
  readonly homePath: string;
  /** A private, complete and checked copy of the source: sbuild removes a .dsc whose files are missing. */
  readonly sourcePath: string;
  /** Where sbuild puts what it built. */
  readonly resultPath: string;
  /** For what a build that failed has left. */
  readonly leftPath: string;
}

export async function makeWorkspace(outputDirectory: string): Promise<BuildWorkspace> {
  const path = join(outputDirectory, "work");
  // Left over when the daemon was killed in this very attempt.
  await rm(path, { recursive: true, force: true });
  const workspace = {
    path,
    homePath: join(path, "home"),
    sourcePath: join(path, "source"),
    resultPath: join(path, "result"),
    leftPath: join(path, "left"),
  };
  for (const directory of [workspace.homePath, workspace.sourcePath, workspace.resultPath, workspace.leftPath])
    await mkdir(directory, { recursive: true });
  return workspace;
}

/** Copies what the order names, and checks the copies: what is built is what was accepted. */
export async function copySource(order: BuildOrder, fromDirectory: string, workspace: BuildWorkspace): Promise<void> {
  for (const file of order.files) {
    const path = join(workspace.sourcePath, file.name);
    await copyFile(join(fromDirectory, file.name), path, constants.COPYFILE_FICLONE);
    // Uploads are for the daemon's eyes only; in testbeds an ordinary user reads these.
    await chmod(path, 0o644);
    const { sizeBytes, sha256 } = await hashFile(path);
    if (sizeBytes !== file.sizeBytes || sha256 !== file.sha256) {
      throw environmentFailed(`${file.name} differs from the build order: sha256 ${sha256}, expected ${file.sha256}`);
    }
  }
}

export async function removeWorkspace(workspace: BuildWorkspace): Promise<void> {
  await rm(workspace.path, { recursive: true, force: true });
}
