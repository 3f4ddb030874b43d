import { type BinaryInDistribution, listSourceFiles, listStanzas, type SourceInDistribution } from "../../archive/index.ts";
import { parseDsc, readControlFile, readSourceControl } from "../../formats/index.ts";
import type { PackagerContext } from "../packager-context.ts";
import {
  breaksByControl,
  type ExactDependency,
  findBrokenDependencies,
  findExactOnAll,
  type RelatedPackage,
} from "./binnmu-safety.ts";

export type RebuildMethod =
  /** Its own binary packages again, as `+bN`. `warning`: it may turn out not to be possible. */
  | { readonly type: "binnmu"; readonly warning: string | undefined }
  /** The source with a new version: nothing else keeps its packages installable together. */
  | { readonly type: "port"; readonly reason: string };

/** Nobody's version: whatever depends on exactly the old one does not get it. */
const OTHER_VERSION_SUFFIX = "+b0";

/**
 * How a source package can be built again without a new version being the same as an old one. arch:all packages cannot be
 * binNMUed (their users on other architectures would lose them); nor can a source whose packages depend on each other by
 * exact version across that border.
 */
export async function chooseMethod(
  context: PackagerContext,
  source: SourceInDistribution,
  binaries: readonly BinaryInDistribution[],
): Promise<RebuildMethod> {
  if (binaries.every(({ architecture }) => architecture === "all"))
    return { type: "port", reason: "it has arch:all packages only" };

  const packages = await listStanzas(context.database.read, binaries);
  const staying = packages.filter(({ architecture }) => architecture === "all");
  const rebuilt = packages.filter(({ architecture }) => architecture !== "all");
  const coming = rebuilt.map((each): RelatedPackage => ({ ...each, version: `${each.version}${OTHER_VERSION_SUFFIX}` }));
  const [broken] = findBrokenDependencies(staying, coming).filter(({ of }) => staying.some(({ name }) => name === of));
  if (broken !== undefined) return { type: "port", reason: notSafe(broken) };

  const exact = findExactOnAll(packages);
  if (exact.length === 0) return { type: "binnmu", warning: undefined };
  const control = await findControl(context, source);
  if (control === undefined) return { type: "binnmu", warning: perhapsNotSafe(exact) };
  const breaking = exact.find((each) => breaksByControl(control, each));
  return breaking === undefined ? { type: "binnmu", warning: undefined } : { type: "port", reason: notSafe(breaking) };
}

async function findControl(context: PackagerContext, source: SourceInDistribution): Promise<string | undefined> {
  const files = await listSourceFiles(context.database.read, source.repositoryId, source);
  const contents = new Map(files.map(({ name, sha256 }) => [name, sha256]));
  // What the .dsc lists is all in the pool, as long as the source is in a distribution.
  const pathOf = (name: string): string => context.archive.contentStore.pathOf(contents.get(name) ?? source.dscSha256);
  const name = source.dscPath.slice(source.dscPath.lastIndexOf("/") + 1);
  return readSourceControl(parseDsc(await readControlFile(pathOf(name), name), name), pathOf);
}

function notSafe({ of, on }: ExactDependency): string {
  return `it is not binNMU-safe: ${of} depends on ${on} (= \${binary:Version}), and one of the two is arch:all`;
}

function perhapsNotSafe(exact: readonly ExactDependency[]): string {
  const pairs = exact.map(({ of, on }) => `${of} on ${on}`).join(", ");
  return `its debian/control could not be read: unless these depend by \${source:Version}, what is built will not be installed: ${pairs}`;
}
