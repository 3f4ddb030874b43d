/** A package that cannot be installed, and why. */
export interface BrokenPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** One a reason: "app 1.0 needs libfoo1 (<< 2), which nothing here satisfies". */
  readonly reasons: readonly string[];
}

/**
 * What `dose-debcheck --explain --failures` writes: a list of broken packages in a small part of YAML. An entry that is
 * not understood is left out of the reasons, never out of the packages.
 */
export function parseDebcheck(text: string): BrokenPackage[] {
  const lines = text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => ({ indent: line.search(/\S/), content: line.trim() }));
  const report = mapOf(new BlockReader(lines).read(0))["report"];
  return listOf(report).map((entry) => {
    const { package: name, version, architecture, reasons } = mapOf(entry);
    return {
      name: textOf(name),
      version: textOf(version),
      architecture: textOf(architecture),
      reasons: listOf(reasons)
        .map((reason) => formatReason(mapOf(reason)))
        .filter((reason) => reason !== ""),
    };
  });
}

type Value = string | readonly Value[] | { readonly [key: string]: Value };
interface Line {
  readonly indent: number;
  readonly content: string;
}

/** Lists ("-" alone on a line) and maps ("key: text", "key:"), by indentation. */
class BlockReader {
  readonly #lines: readonly Line[];
  #at = 0;

  constructor(lines: readonly Line[]) {
    this.#lines = lines;
  }

  /** The block whose lines are indented by at least so much. */
  read(indentMin: number): Value {
    const first = this.#lines[this.#at];
    if (first === undefined || first.indent < indentMin) return "";
    return first.content === "-" ? this.#readList(first.indent) : this.#readMap(first.indent);
  }

  #readList(indent: number): Value[] {
    const items: Value[] = [];
    for (let line = this.#lines[this.#at]; line?.indent === indent && line.content === "-"; line = this.#lines[this.#at]) {
      this.#at += 1;
      items.push(this.read(indent + 1));
    }
    return items;
  }

  #readMap(indent: number): Record<string, Value> {
    const entries: Record<string, Value> = {};
    for (let line = this.#lines[this.#at]; line?.indent === indent && line.content !== "-"; line = this.#lines[this.#at]) {
      this.#at += 1;
      const [, key = "", text = ""] = /^([^:]*):\s*(.*)$/.exec(line.content) ?? [];
      entries[key] = text === "" ? this.read(key === "report" ? indent : indent + 1) : text;
    }
    return entries;
  }
}

function formatReason(reason: Readonly<Record<string, Value>>): string {
  if (reason["missing"] !== undefined) return formatMissing(mapOf(reason["missing"]));
  if (reason["conflict"] !== undefined) return formatConflict(mapOf(reason["conflict"]));
  return "";
}

function formatMissing(missing: Readonly<Record<string, Value>>): string {
  const pkg = mapOf(missing["pkg"]);
  const needs = `${packageOf(pkg)} needs ${relation(pkg["unsat-dependency"])}, which nothing there satisfies`;
  return withChain(needs, missing["depchains"], packageOf(pkg));
}

function formatConflict(conflict: Readonly<Record<string, Value>>): string {
  const [one, other] = [mapOf(conflict["pkg1"]), mapOf(conflict["pkg2"])];
  const against = `${packageOf(one)} conflicts with ${relation(one["unsat-conflict"])}, and ${packageOf(other)} is needed too`;
  return withChain(withChain(against, conflict["depchain1"], packageOf(one)), conflict["depchain2"], packageOf(other));
}

/** "…: app 1.0 → libfoo1 2.0" */
function withChain(text: string, chains: Value | undefined, end: string): string {
  const steps = listOf(mapOf(listOf(chains)[0])["depchain"]).map((step) => packageOf(mapOf(step)));
  return steps.length === 0 ? text : `${text} (${[...steps, end].join(" → ")})`;
}

function packageOf(entry: Readonly<Record<string, Value>>): string {
  return `${textOf(entry["package"])} ${textOf(entry["version"])}`;
}

/** As in a control file: without our own architecture, and with the strict operators. */
function relation(value: Value | undefined): string {
  return textOf(value)
    .replaceAll(/([a-z0-9+.-]):[a-z0-9-]+(?=[ |,]|$)/g, "$1")
    .replaceAll("(< ", "(<< ")
    .replaceAll("(> ", "(>> ");
}

function textOf(value: Value | undefined): string {
  return typeof value === "string" ? value : "";
}

function listOf(value: Value | undefined): readonly Value[] {
  return Array.isArray(value) ? value : [];
}

function mapOf(value: Value | undefined): Readonly<Record<string, Value>> {
  return typeof value === "object" && !Array.isArray(value) ? (value as Record<string, Value>) : {};
}
