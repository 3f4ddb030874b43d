import { type Deb822Options, fieldPosition, fieldValue, type Stanza } from "./deb822.ts";
import { invalid, quote } from "./invalid.ts";
import { isArchitectureName, isPackageName } from "./names.ts";

/** The words of a field, separated by blanks, commas or line ends: Binary is written in all these ways. */
export function wordsOfField(stanza: Stanza, fieldName: string): string[] {
  return (fieldValue(stanza, fieldName) ?? "").split(/[\s,]+/).filter((word) => word !== "");
}

/** Throws PACKAGE_NAME_INVALID. */
export function packageNamesOfField(stanza: Stanza, fieldName: string, options: Deb822Options): string[] {
  const names = wordsOfField(stanza, fieldName);
  const bad = names.find((name) => !isPackageName(name));
  if (bad === undefined) return names;

  const position = fieldPosition(stanza, fieldName, options);
  throw invalid({ code: "PACKAGE_NAME_INVALID", message: `${position}: ${quote(bad)} is not the name of a package` });
}

/** The field Architecture, which must name at least one. Throws CONTROL_DATA_INVALID. */
export function architecturesOf(stanza: Stanza, options: Deb822Options): string[] {
  const names = wordsOfField(stanza, "Architecture");
  const bad = names.find((name) => !isArchitectureName(name));
  if (bad === undefined && names.length > 0) return names;

  const position = fieldPosition(stanza, "Architecture", options);
  throw invalid({
    code: "CONTROL_DATA_INVALID",
    message: `${position}: ${bad === undefined ? "none is named" : `${quote(bad)} is no architecture`}`,
  });
}
