import type { DistributionTarget } from "../catalog/index.ts";
import { type Changes, componentOfSection, type Dsc, findDscEntry } from "../formats/index.ts";
import type { Problem } from "../rules/index.ts";

/** Source and binary packages belong to components that the distribution has; the archive would refuse them after the build. */
export function checkComponents(
  target: DistributionTarget,
  { changes, dsc }: { readonly changes: Changes; readonly dsc: Dsc | undefined },
): Problem[] {
  const listed = findDscEntry(changes)?.section;
  const sections = [listed === "-" ? undefined : listed, dsc?.section, ...(dsc?.packageList ?? []).map(({ section }) => section)];
  const unknown = sections.filter(
    (section) => section !== undefined && !target.components.includes(componentOfSection(section)),
  ) as string[];

  return [...new Set(unknown)].map((section) => ({
    code: "COMPONENT_UNKNOWN",
    message: `section ${section} belongs to component ${componentOfSection(section)}, and ${target.name} has only ${target.components.join(", ")}`,
    hint: "Change the Section in debian/control, or have an administrator add the component to the catalog",
  }));
}
