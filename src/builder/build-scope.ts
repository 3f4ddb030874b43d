import { architectureMatches, buildsAll, buildsForArchitecture, type Dsc } from "../formats/index.ts";
import type { BuildScope } from "./environment.ts";

/**
 * What a source package has for a builder of `architecture`; undefined: nothing, the build is skipped. Only one
 * build of an upload is asked to make the arch:all packages.
 *
 * A source of arch:all packages only is built whole (`dpkg-buildpackage -b`), as developers and sbuild do it;
 * `-A` is for sources that have other packages as well, none of them for this architecture.
 */
export function findBuildScope(
  dsc: Dsc,
  order: { readonly architecture: string; readonly buildsAll: boolean },
): BuildScope | undefined {
  const any = hasPackageFor(dsc, order.architecture);
  const all = order.buildsAll && buildsAll(dsc);
  if (!any && !all) return undefined;

  const isAllOnly = dsc.architectures.every((architecture) => architecture === "all");
  return { any: any || isAllOnly, all };
}

/** Package-List says it per binary package; a .dsc of an old dpkg only for all of them together. */
function hasPackageFor(dsc: Dsc, architecture: string): boolean {
  if (dsc.packageList.length === 0 || dsc.packageList.some((entry) => entry.architectures.length === 0)) {
    return buildsForArchitecture(dsc, architecture);
  }
  return dsc.packageList.some((entry) =>
    entry.architectures.some((wildcard) => wildcard !== "all" && architectureMatches(architecture, wildcard)),
  );
}
