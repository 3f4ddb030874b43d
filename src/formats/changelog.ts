import { tryParseDate } from "./dates.ts";
import { invalid, quote } from "./invalid.ts";
import { checkPackageName } from "./names.ts";
import { decodeUtf8 } from "./utf8.ts";
import { parseVersion, type Version } from "./version.ts";

/** One entry of debian/changelog. */
export interface ChangelogEntry {
  readonly source: string;
  readonly version: Version;
  readonly distributions: readonly string[];
  /** Lower case; undefined when not written. */
  readonly urgency: string | undefined;
  /** A binNMU: `binary-only=yes`. */
  readonly isBinaryOnly: boolean;
  /** All key=value of the header, keys in lower case. */
  readonly options: ReadonlyMap<string, string>;
  /** The lines between header and trailer, without the blank lines around them. */
  readonly text: string;
  /** `Name <address>`. */
  readonly maintainer: string;
  readonly dateText: string;
  /** Undefined when dateText is none. */
  readonly date: Date | undefined;
}

const HEADER = /^([A-Za-z0-9][A-Za-z0-9+.-]*) \(([^() \t]+)\)((?:\s+[-+0-9A-Za-z.]+)+);(.*)$/;
const TRAILER = /^ -- (.*) <(.*)> {1,2}(\S.*)$/;
/** Longer lines are no headers and no trailers; it also bounds the time of the expressions. */
const STRUCTURE_LENGTH_MAX = 1000;
/** What Emacs, vim and old entries leave at the end of the file. */
const IGNORED = /^(?:;;|\/\*|#|\$|[Vv]im:|[Ll]ocal variables:)/;

/**
 * The newest `entriesMax` entries (default 1) of debian/changelog, newest first. What comes after them is not read,
 * so that old entries in forgotten forms do no harm. Throws CHANGELOG_INVALID with the line, VERSION_INVALID,
 * PACKAGE_NAME_INVALID.
 */
export function parseChangelog(input: string | Uint8Array, options: { entriesMax?: number } = {}): ChangelogEntry[] {
  const entriesMax = options.entriesMax ?? 1;
  const entries: ChangelogEntry[] = [];
  let open: { header: RegExpExecArray; lines: string[] } | undefined;
  let lineNumber = 0;

  for (const rawLine of decodeUtf8(input, "debian/changelog").split("\n")) {
    lineNumber += 1;
    const line = rawLine.trimEnd();
    if (open === undefined) {
      if (line === "" || IGNORED.test(line)) continue;
      open = {
        header: HEADER.exec(line.slice(0, STRUCTURE_LENGTH_MAX)) ?? fail(lineNumber, `${quote(line)} does not begin an entry`),
        lines: [],
      };
    } else if (line.length <= STRUCTURE_LENGTH_MAX && TRAILER.test(line)) {
      entries.push(makeEntry(open.header, open.lines, line));
      open = undefined;
      if (entries.length >= entriesMax) return entries;
    } else if (line === "" || line.startsWith("  ") || line.startsWith("\t")) {
      open.lines.push(line);
    } else {
      fail(lineNumber, `${quote(line)} is neither a change nor the end of the entry`);
    }
  }

  if (open !== undefined) fail(lineNumber, "the last entry has no end");
  if (entries.length === 0) fail(lineNumber, "there is no entry");
  return entries;
}

function makeEntry(header: RegExpExecArray, lines: readonly string[], trailer: string): ChangelogEntry {
  const [, source = "", version = "", distributions = "", optionText = ""] = header;
  const [, name = "", address = "", dateText = ""] = TRAILER.exec(trailer) ?? [];
  const options = parseOptions(optionText);
  return {
    source: checkPackageName(source),
    version: parseVersion(version),
    distributions: distributions.trim().split(/\s+/),
    urgency: options.get("urgency")?.toLowerCase(),
    isBinaryOnly: options.get("binary-only")?.toLowerCase() === "yes",
    options,
    text: lines.join("\n").replace(/^\n+/, "").trimEnd(),
    maintainer: `${name} <${address}>`,
    dateText,
    date: tryParseDate(dateText),
  };
}

/** `urgency=medium, binary-only=yes`; what is not of that form is passed over, as dpkg does. */
function parseOptions(text: string): Map<string, string> {
  const pairs = text.split(",").map((part) => /^\s*([-0-9A-Za-z]+)=\s*(.*?)\s*$/.exec(part));
  return new Map(pairs.flatMap((pair) => (pair === null ? [] : [[(pair[1] ?? "").toLowerCase(), pair[2] ?? ""]])));
}

function fail(lineNumber: number, what: string): never {
  throw invalid({
    code: "CHANGELOG_INVALID",
    message: `debian/changelog, line ${lineNumber}: ${what}`,
    hint: "Edit it with dch; dpkg-parsechangelog shows what is read",
  });
}
