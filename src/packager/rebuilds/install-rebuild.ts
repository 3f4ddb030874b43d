import { listBinaries, listStanzas, type ReplaceRequest, replaceBinaries } from "../../archive/index.ts";
import type { DistributionTarget } from "../../catalog/index.ts";
import type { Transaction } from "../../database/index.ts";
import { parseChanges } from "../../formats/index.ts";
import { AppError } from "../../runtime/index.ts";
import { importBuilt } from "../import-built.ts";
import type { PackagerContext } from "../packager-context.ts";
import type { Upload } from "../upload.ts";
import { findBrokenDependencies } from "./binnmu-safety.ts";
import { checkSourceThere } from "./judge-rebuild.ts";

/** A binNMU's packages in the pool, and whether they can stand beside those of their source that stay. */
export async function importRebuild(
  context: PackagerContext,
  upload: Upload,
  target: DistributionTarget,
): Promise<ReplaceRequest> {
  const { source, sourceVersion } = parseChanges(upload.changesText, upload.changesName);
  const built = await importBuilt(context, upload, { name: source, version: sourceVersion });
  const foreign = built.binaries.find(({ architecture }) => architecture === "all");
  if (foreign !== undefined) throw notBinNmu(`it made ${foreign.name} for all architectures`);
  const request = { distribution: target.name, source, sourceVersion, ...built };
  await requireInstallable(context, request);
  return request;
}

/** The binary packages of the architectures that were built again are replaced, unless the source has left. */
export async function installRebuild(tx: Transaction, request: ReplaceRequest): Promise<void> {
  const [gone] = await checkSourceThere(tx, request);
  if (gone !== undefined) throw new AppError({ kind: "conflict", ...gone });
  await replaceBinaries(tx, request);
}

/** debian/control could not always be read beforehand. */
async function requireInstallable(context: PackagerContext, request: ReplaceRequest): Promise<void> {
  const { read } = context.database;
  const there = await listBinaries(read, request.distribution, { name: request.source, version: request.sourceVersion });
  const staying = await listStanzas(
    read,
    there.filter(({ architecture }) => architecture === "all"),
  );
  const coming = request.binaries.map(({ name, version, architecture, stanzas }) => ({
    name,
    version,
    architecture,
    stanza: stanzas.packages,
  }));
  const [broken] = findBrokenDependencies(staying, coming);
  if (broken !== undefined) throw notBinNmu(`${broken.of} depends on ${broken.on} (= ${broken.version}), which is not there`);
}

function notBinNmu(why: string): AppError {
  return new AppError({
    kind: "invalid",
    code: "REBUILD_NOT_SAFE",
    message: `what was built again cannot take the place of what is there: ${why}`,
    hint: "Port the source package into its own distribution: mini-buildd port SOURCE DISTRIBUTION DISTRIBUTION",
  });
}
