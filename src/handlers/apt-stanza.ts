import { AppError } from "../runtime/index.ts";
import type { AptSource } from "./snippets.ts";

/** Names of fields that are not their option with capitals (sources.list(5)). */
const FIELDS: Readonly<Record<string, string>> = {
  arch: "Architectures",
  lang: "Languages",
  target: "Targets",
  pdiffs: "PDiffs",
};
/** One of these is a list in its field, separated by white space. */
const LISTS = ["arch", "lang", "target"];

/** `arch=amd64,arm64 signed-by=/x` of a one-line source as fields of a deb822 source. Throws ARGUMENT_INVALID. */
export function optionFields(options: string): [string, string][] {
  const words = options.split(/\s+/).filter((word) => word !== "");
  return words.map((word) => {
    const [, name = "", value = ""] = /^([A-Za-z-]+)=(\S+)$/.exec(word) ?? [];
    if (name === "") throw noOption(word);
    const key = name.toLowerCase();
    return [FIELDS[key] ?? capitalised(key), LISTS.includes(key) ? value.replaceAll(",", " ") : value];
  });
}

/** `by-hash` → `By-Hash` */
function capitalised(name: string): string {
  return name
    .split("-")
    .map((part) => `${part.slice(0, 1).toUpperCase()}${part.slice(1)}`)
    .join("-");
}

export interface Deb822Source extends AptSource {
  readonly types: readonly string[];
  /** Lines before it, without "# ". */
  readonly comments: readonly string[];
  readonly fields: readonly [string, string][];
  /** A path, or an armored key; not used when the fields say what counts. */
  readonly signedBy: string | undefined;
}

/** A stanza of a .sources file. */
export function deb822Source({ types, uri, distribution, components, comments, fields, signedBy }: Deb822Source): string {
  const isSaid = fields.some(([name]) => name === "Signed-By");
  const key = isSaid || signedBy === undefined ? [] : signedByLines(signedBy);
  return [
    ...comments.map((comment) => `# ${comment}`),
    `Types: ${types.join(" ")}`,
    `URIs: ${uri}`,
    `Suites: ${distribution}`,
    ...(components.length === 0 ? [] : [`Components: ${components.join(" ")}`]),
    ...fields.map(([name, value]) => `${name}: ${value}`),
    ...key,
    "",
  ].join("\n");
}

function signedByLines(signedBy: string): string[] {
  if (!signedBy.includes("\n")) return [`Signed-By: ${signedBy}`];
  const lines = signedBy.trim().split("\n");
  return ["Signed-By:", ...lines.map((line) => (["", "."].includes(line.trim()) ? " ." : ` ${line.trim()}`))];
}

function noOption(word: string): AppError {
  return new AppError({
    kind: "invalid",
    code: "ARGUMENT_INVALID",
    message: `Argument options of 'sources_list' is wrong: ${JSON.stringify(word.slice(0, 100))} is no option of APT sources`,
    hint: "Options are name=value, separated by spaces: arch=amd64 signed-by=/usr/share/keyrings/x.gpg",
  });
}
