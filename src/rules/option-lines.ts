/** One option as written, with the old spellings translated. */
export interface OptionLine {
  readonly key: string;
  readonly architecture: string | undefined;
  /** Without white space. */
  readonly value: string;
  /** For messages. */
  readonly text: string;
}

const HEADER = /^\S+ \([^()]*\) [^;]*;/;
const BULLET = /^\s*[*+-]\s*(.*)$/;
const OPTION = /^MINI_BUILDD_OPTION:(.*)$/;
const OLD_OPTION = /^MINI_BUILDD:(.*)$/;

/** The options of the top entry. A value may go on over the following lines, up to the next bullet or blank line. */
export function findOptionLines(entryText: string): OptionLine[] {
  return itemsOf(topEntry(entryText)).flatMap((item) => {
    const [, option] = OPTION.exec(item) ?? [];
    if (option !== undefined) return modernLine(option);
    const [, oldOption] = OLD_OPTION.exec(item) ?? [];
    return oldOption === undefined ? [] : oldLine(oldOption);
  });
}

/** A .changes made with -v holds older entries as well: their options were for their own uploads. */
function topEntry(text: string): string[] {
  const lines = text.split("\n").map((line) => line.trimEnd());
  const headers = lines.flatMap((line, index) => (HEADER.test(line.slice(0, 500)) ? [index] : []));
  const isFirstLineHeader = lines.slice(0, headers[0]).every((line) => line === "");
  const next = isFirstLineHeader ? headers[1] : headers[0];
  return lines.slice(0, next);
}

/** Each bullet with its continuation lines as one line. */
function itemsOf(lines: readonly string[]): string[] {
  const items: string[] = [];
  let isOpen = false;
  for (const line of lines) {
    const [, text] = BULLET.exec(line) ?? [];
    if (text !== undefined) items.push(text);
    else if (isOpen && line !== "") items.push(`${items.pop() ?? ""} ${line.trim()}`);
    isOpen = line !== "" && (text !== undefined || isOpen);
  }
  return items;
}

function modernLine(option: string): OptionLine[] {
  const text = option.trim();
  const compact = text.replaceAll(/\s/g, "");
  const equals = compact.indexOf("=");
  const left = equals < 0 ? compact : compact.slice(0, equals);
  const [, key, architecture] = /^([A-Za-z-]+)(?:\[([a-z0-9-]+)\])?$/.exec(left) ?? [];
  if (equals < 0 || key === undefined) return [{ key: left, architecture: undefined, value: "", text }];

  const line = { key: key.toLowerCase(), architecture, value: compact.slice(equals + 1), text };
  return renamed(line);
}

/** `ignore-lintian=true` and `run-lintian=false` of early versions; their opposites meant the default. */
function renamed(line: OptionLine): OptionLine[] {
  const isTrue = line.value.toLowerCase() === "true";
  if (line.key === "ignore-lintian") return isTrue ? [{ ...line, key: "lintian-mode", value: "ignore" }] : [];
  if (line.key === "run-lintian") return isTrue ? [] : [{ ...line, key: "lintian-mode", value: "disabled" }];
  return [line];
}

/** `MINI_BUILDD: BACKPORT_MODE` and `MINI_BUILDD: AUTO_BACKPORTS: a,b` of 0.8. */
function oldLine(option: string): OptionLine[] {
  const text = option.trim();
  const [keyword = "", value = ""] = text.split(/:(.*)/s).map((part) => part.replaceAll(/\s/g, ""));
  const line = { architecture: undefined, text };
  if (keyword === "BACKPORT_MODE") return [{ ...line, key: "lintian-mode", value: "ignore" }];
  if (keyword === "AUTO_BACKPORTS") return [{ ...line, key: "auto-ports", value }];
  return [{ ...line, key: keyword, value: "" }];
}
