import type { CheckResult } from "../buildorder/index.ts";

type Tag = CheckResult["tags"][number];

/** `E: hello source: tag-name details [debian/rules:3]`; older versions leave the brackets out; `hello (1.0-1)` of a binNMU. */
const TAG_LINE = /^([EWIPXOC]): ([a-z0-9][a-z0-9+.-]*)(?: \([^()\s]+\))?(?: [a-z]+)?: ([a-z0-9][A-Za-z0-9+./-]*)(?: (.*))?$/;
/** The rows of the result go into a database and a page: a package can make lintian print any number. */
const TAGS_MAX = 2_000;
const DETAILS_LENGTH_MAX = 1_000;

/** The tags in lintian's output; other lines (explanations, N: lines) are passed over. */
export function parseLintianTags(output: string): Tag[] {
  const tags: Tag[] = [];
  for (const line of output.split("\n")) {
    const tag = parseTag(line);
    if (tag !== undefined && tags.length < TAGS_MAX) tags.push(tag);
  }
  return tags;
}

function parseTag(line: string): Tag | undefined {
  const [, level, packageName, tag, details] = TAG_LINE.exec(line) ?? [];
  if (level === undefined || packageName === undefined || tag === undefined) return undefined;
  return { level: level as Tag["level"], package: packageName, tag, details: (details ?? "").slice(0, DETAILS_LENGTH_MAX) };
}

/** What lintian's tags amount to. */
export function judgeLintianTags(tags: readonly Tag[]): CheckResult {
  const errors = tags.filter(({ level }) => level === "E").length;
  const warnings = tags.filter(({ level }) => level === "W").length;
  return {
    name: "lintian",
    outcome: errors > 0 ? "fail" : warnings > 0 ? "warn" : "pass",
    summary: `${count(errors, "error")}, ${count(warnings, "warning")}`,
    tags,
  };
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
