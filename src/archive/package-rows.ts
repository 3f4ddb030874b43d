import { setImmediate } from "node:timers/promises";
import { insertNewRows, insertNewRowsReturning, type Transaction } from "../database/index.ts";
import { componentOfSection, dscFileName, poolDirectory } from "../formats/index.ts";
import { AppError } from "../runtime/index.ts";
import { saveBuiltUsing } from "./built-using.ts";
import type { PoolFile } from "./content-store.ts";
import type { DistributionSettings } from "./distribution-settings.ts";
import type { ImportedBinary } from "./import-package.ts";
import { formatSourcesStanza } from "./index-stanza.ts";
import type { InstallBuildinfo, InstallSource } from "./install.ts";
import { claimIdentities, claimIdentity } from "./installed-identity.ts";
import { placeFile, placeFiles } from "./pool-rows.ts";
import { portions } from "./portions.ts";

/** The row of a source package in the distribution's repository, made when it is not there. Returns its id. */
export async function addSourcePackage(tx: Transaction, settings: DistributionSettings, source: InstallSource): Promise<number> {
  const { repositoryId } = settings;
  const { dsc, file: dscFile } = source.dsc;
  await claimIdentity(tx, repositoryId, {
    kind: "source",
    name: dsc.source,
    version: dsc.version,
    architecture: "",
    sha256: dscFile.sha256,
  });

  const section = source.section ?? dsc.section ?? "misc";
  const component = checkComponent(settings, componentOfSection(section), dscFile.name);
  const existing = await tx
    .selectFrom("source_packages")
    .select("id")
    .where("repository_id", "=", repositoryId)
    .where("name", "=", dsc.source)
    .where("version", "=", dsc.version)
    .executeTakeFirst();
  if (existing !== undefined) return existing.id;

  const directory = poolDirectory(component, dsc.source);
  const listed = dsc.files.map((entry) => findListed(source, entry));
  const files: PoolFile[] = [{ ...dscFile, name: dscFileName(dsc.source, dsc.version) }, ...listed];
  for (const file of listed) {
    await claimIdentity(tx, repositoryId, {
      kind: "file",
      name: file.name,
      version: "",
      architecture: "",
      sha256: file.sha256,
    });
  }
  for (const file of files) await placeFile(tx, repositoryId, file, `${directory}/${file.name}`);

  const { id } = await tx
    .insertInto("source_packages")
    .values({
      repository_id: repositoryId,
      name: dsc.source,
      version: dsc.version,
      component,
      section,
      dsc_path: `${directory}/${dscFileName(dsc.source, dsc.version)}`,
      stanza: formatSourcesStanza({ dsc, section, files, directory }),
      added_at: tx.now().toISOString(),
    })
    .returning("id")
    .executeTakeFirstOrThrow();
  await tx
    .insertInto("source_package_files")
    .values(
      files.map(({ name, sha256 }) => ({
        source_package_id: id,
        name,
        path: `${directory}/${name}`,
        sha256,
      })),
    )
    .execute();
  return id;
}

/** The rows of binary packages in the distribution's repository, made where they are not there. Returns their ids, in order. */
export async function addBinaryPackages(
  tx: Transaction,
  settings: DistributionSettings,
  binaries: readonly ImportedBinary[],
): Promise<number[]> {
  const ids = new Map<string, number>();
  for (const [index, some] of [...portions(binaries)].entries()) {
    // Between them others have their turn: people who wait for an answer, and the reading of what comes next.
    if (index > 0) await setImmediate();
    for (const { component, architecture, file } of some) {
      checkComponent(settings, component, file.name);
      checkArchitecture(settings, architecture, file.name);
    }
    await addSome(tx, settings.repositoryId, some, ids);
  }
  return [...new Set(binaries.map((binary) => ids.get(binaryKey(binary)) ?? 0))];
}

async function addSome(
  tx: Transaction,
  repositoryId: string,
  binaries: readonly ImportedBinary[],
  ids: Map<string, number>,
): Promise<void> {
  const newCount = await claimIdentities(
    tx,
    repositoryId,
    binaries.map(({ kind, name, version, architecture, file }) => ({ kind, name, version, architecture, sha256: file.sha256 })),
  );
  const added = [...new Map(binaries.map((binary) => [binaryKey(binary), binary])).values()];
  // Who has no identity yet has no row.
  if (newCount < added.length) await findIds(tx, repositoryId, binaries, ids);
  const missing = added.filter((binary) => !ids.has(binaryKey(binary)));
  if (missing.length === 0) return;
  await placeFiles(tx, repositoryId, missing);
  await insertNewRows(
    tx,
    "binary_package_paths",
    missing.map(({ file, contents }) => ({ sha256: file.sha256, paths: contents })),
  );
  const addedAt = tx.now().toISOString();
  const rows = missing.map((binary) => binaryRow(repositoryId, binary, addedAt));
  const returned = ["id", "kind", "name", "version", "architecture"] as const;
  for (const row of await insertNewRowsReturning(tx, "binary_packages", rows, returned)) ids.set(binaryKey(row), row.id);
  await saveBuiltUsing(
    tx,
    missing.map((binary) => ({ id: ids.get(binaryKey(binary)) ?? 0, stanza: binary.stanzas.packages })),
  );
}

async function findIds(
  tx: Transaction,
  repositoryId: string,
  binaries: readonly ImportedBinary[],
  ids: Map<string, number>,
): Promise<void> {
  const rows = await tx
    .selectFrom("binary_packages")
    .select(["id", "kind", "name", "version", "architecture"])
    .where("repository_id", "=", repositoryId)
    .where("kind", "in", ["deb", "udeb"])
    .where(
      "name",
      "in",
      binaries.map(({ name }) => name),
    )
    .execute();
  for (const row of rows) ids.set(binaryKey(row), row.id);
}

function binaryRow(repositoryId: string, binary: ImportedBinary, addedAt: string) {
  const { kind, name, version, architecture, source, component, section, description, path, file, stanzas } = binary;
  return {
    repository_id: repositoryId,
    kind,
    name,
    version,
    architecture,
    source,
    source_version: binary.sourceVersion,
    component,
    section,
    description,
    path,
    sha256: file.sha256,
    size_bytes: file.sizeBytes,
    stanza: stanzas.packages,
    translation: stanzas.translation,
    added_at: addedAt,
  };
}

/** No part of it has a blank. */
function binaryKey(binary: { kind: string; name: string; version: string; architecture: string }): string {
  return `${binary.kind} ${binary.name} ${binary.version} ${binary.architecture}`;
}

/** Keep a .buildinfo beside the source's files. A rebuild may bring another of the same name: its content is in its path. */
export async function addBuildinfo(tx: Transaction, settings: DistributionSettings, buildinfo: InstallBuildinfo): Promise<void> {
  const { file, source, sourceVersion } = buildinfo;
  const path = `pool/buildinfo/${source}/${file.sha256.slice(0, 12)}/${file.name}`;
  await placeFile(tx, settings.repositoryId, file, path);
  await tx
    .insertInto("buildinfos")
    .values({
      repository_id: settings.repositoryId,
      name: file.name,
      source,
      source_version: sourceVersion,
      path,
      sha256: file.sha256,
    })
    .onConflict((conflict) => conflict.columns(["repository_id", "name", "sha256"]).doNothing())
    .execute();
}

function findListed(source: InstallSource, entry: { readonly name: string; readonly sha256: string }): PoolFile {
  const file = source.files.find((candidate) => candidate.name === entry.name && candidate.sha256 === entry.sha256);
  if (file !== undefined) return file;

  const { dsc } = source.dsc;
  throw new AppError({
    kind: "invalid",
    code: "SOURCE_FILES_INCOMPLETE",
    message: `${dsc.source} ${dsc.version} lists ${entry.name} with SHA256 ${entry.sha256}, and that file was not given`,
    hint: "Send the whole source package (dpkg-buildpackage -S -sa)",
    facts: { name: entry.name, sha256: entry.sha256 },
  });
}

function checkComponent(settings: DistributionSettings, component: string, fileName: string): string {
  if (settings.components.includes(component)) return component;

  throw new AppError({
    kind: "invalid",
    code: "COMPONENT_UNKNOWN",
    message: `${fileName} belongs to component ${component}, and ${settings.name} has only ${settings.components.join(", ")}`,
    hint: "Change the Section in debian/control, or add the component to the distribution",
    facts: { fileName, component, distribution: settings.name },
  });
}

function checkArchitecture(settings: DistributionSettings, architecture: string, fileName: string): void {
  if (architecture === "all" || settings.architectures.includes(architecture)) return;

  throw new AppError({
    kind: "invalid",
    code: "ARCHITECTURE_UNKNOWN",
    message: `${fileName} is for ${architecture}, and ${settings.name} has only ${settings.architectures.join(", ")}`,
    hint: "Add the architecture to the distribution",
    facts: { fileName, architecture, distribution: settings.name },
  });
}
