import { invalid, quote } from "./invalid.ts";

declare const versionBrand: unique symbol;
/** A version by the grammar of Debian Policy 5.6.12, as written. Equal versions may be written differently: compareVersions. */
export type Version = string & { readonly [versionBrand]: true };

export interface VersionParts {
  /** 0 when none is written. */
  readonly epoch: number;
  readonly upstream: string;
  /** After the last hyphen; undefined for a native version. */
  readonly revision: string | undefined;
}

const EPOCH_MAX = 2 ** 31 - 1;
const LENGTH_MAX = 200;

/** Throws VERSION_INVALID with the reason. */
export function parseVersion(text: string): Version {
  const problem = versionProblem(text);
  if (problem !== undefined) throw invalid({ code: "VERSION_INVALID", message: `${quote(text)} is not a version: ${problem}` });
  return text as Version;
}

export function isVersion(text: string): text is Version {
  return versionProblem(text) === undefined;
}

export function versionParts(version: Version): VersionParts {
  return splitVersion(version);
}

/** The version as it stands in file names. */
export function stripEpoch(version: Version): string {
  return version.slice(version.indexOf(":") + 1);
}

/** The upstream part as it stands in the names of orig tarballs: without epoch and revision. */
export function upstreamVersion(version: Version): string {
  return splitVersion(version).upstream;
}

/** Negative, zero or positive, like dpkg --compare-versions. Zero does not mean identical: 1.0 and 1.00 are equal. */
export function compareVersions(a: Version, b: Version): number {
  const [left, right] = [splitVersion(a), splitVersion(b)];
  return (
    Math.sign(left.epoch - right.epoch) ||
    compareParts(left.upstream, right.upstream) ||
    compareParts(left.revision ?? "", right.revision ?? "")
  );
}

function versionProblem(text: string): string | undefined {
  if (text === "") return "it is empty";
  if (text.length > LENGTH_MAX) return `it is longer than ${LENGTH_MAX} characters`;
  const illegal = /[^A-Za-z0-9.+~:-]/u.exec(text);
  if (illegal !== null) return `${quote(illegal[0])} is not allowed in it`;

  const colon = text.indexOf(":");
  if (colon >= 0 && !/^[0-9]+$/.test(text.slice(0, colon))) return "the epoch before the colon is not a number";
  const { epoch, upstream, revision } = splitVersion(text);
  if (epoch > EPOCH_MAX) return `the epoch is greater than ${EPOCH_MAX}`;
  if (!/^[0-9]/.test(upstream)) return "the upstream version does not begin with a digit";
  if (revision === "") return "the revision after the last hyphen is empty";
  if (revision?.includes(":")) return "there is a colon in the revision";
  return undefined;
}

function splitVersion(text: string): VersionParts {
  const colon = text.indexOf(":");
  const hyphen = text.lastIndexOf("-");
  const hasRevision = hyphen > colon;
  return {
    epoch: colon < 0 ? 0 : Number(text.slice(0, colon)),
    upstream: text.slice(colon + 1, hasRevision ? hyphen : undefined),
    revision: hasRevision ? text.slice(hyphen + 1) : undefined,
  };
}

/** dpkg's verrevcmp: runs of non-digits and runs of digits in turn. */
function compareParts(a: string, b: string): number {
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    while ((i < a.length && !isDigit(a, i)) || (j < b.length && !isDigit(b, j))) {
      const difference = characterOrder(a, i) - characterOrder(b, j);
      if (difference !== 0) return Math.sign(difference);
      i += 1;
      j += 1;
    }

    const [iEnd, jEnd] = [endOfDigits(a, i), endOfDigits(b, j)];
    const difference = compareDigits(a.slice(i, iEnd), b.slice(j, jEnd));
    if (difference !== 0) return difference;
    i = iEnd;
    j = jEnd;
  }
  return 0;
}

/** Tilde before the end and before digits (0), then letters, then all else. */
function characterOrder(text: string, index: number): number {
  const code = text.charCodeAt(index);
  if (Number.isNaN(code) || isDigit(text, index)) return 0;
  if (text[index] === "~") return -1;
  return /[A-Za-z]/.test(text[index] ?? "") ? code : code + 256;
}

/** Digit runs may exceed 2^53: longer is greater once leading zeros are gone. */
function compareDigits(a: string, b: string): number {
  const [left, right] = [a.replace(/^0+/, ""), b.replace(/^0+/, "")];
  if (left.length !== right.length) return Math.sign(left.length - right.length);
  return left < right ? -1 : left > right ? 1 : 0;
}

function endOfDigits(text: string, from: number): number {
  let end = from;
  while (end < text.length && isDigit(text, end)) end += 1;
  return end;
}

function isDigit(text: string, index: number): boolean {
  const code = text.charCodeAt(index);
  return code >= 48 && code <= 57;
}
