import { invalid, quote } from "./invalid.ts";

/** What an upload targets and apt reads: `CODENAME-REPOSITORYID-SUITE`, or a read-only view of older versions of it. */
export interface DistributionName {
  readonly codename: string;
  readonly repositoryId: string;
  readonly suite: string;
  /** The N of `-rollbackN`. */
  readonly rollback?: number | undefined;
}

const CODENAME = /^[a-z][a-z0-9]*$/;
const REPOSITORY_ID = /^[a-z0-9]+$/;
const SUITE = /^[a-z]+$/;
const DISTRIBUTION = /^([a-z][a-z0-9]*)-([a-z0-9]+)-([a-z]+)(?:-rollback(0|[1-9][0-9]?))?$/;

/** Throws DISTRIBUTION_NAME_INVALID. */
export function parseDistributionName(text: string): DistributionName {
  const name = tryParseDistributionName(text);
  if (name !== undefined) return name;

  throw invalid({
    code: "DISTRIBUTION_NAME_INVALID",
    message: `${quote(text)} is not the name of a distribution`,
    hint: "A distribution is CODENAME-REPOSITORYID-SUITE, for instance bookworm-test-unstable",
  });
}

/** Undefined for what is no such name, for instance a plain "unstable". */
export function tryParseDistributionName(text: string): DistributionName | undefined {
  const [, codename, repositoryId, suite, rollback] = DISTRIBUTION.exec(text) ?? [];
  if (codename === undefined || repositoryId === undefined || suite === undefined) return undefined;

  const name = { codename, repositoryId, suite };
  return rollback === undefined ? name : { ...name, rollback: Number(rollback) };
}

export function formatDistributionName({ codename, repositoryId, suite, rollback }: DistributionName): string {
  const name = `${codename}-${repositoryId}-${suite}`;
  return rollback === undefined ? name : `${name}-rollback${rollback}`;
}

/** `bookworm`: lower-case letters and digits, a letter first. */
export function isCodename(text: string): boolean {
  return CODENAME.test(text);
}

/** `test`: lower-case letters and digits. */
export function isRepositoryId(text: string): boolean {
  return REPOSITORY_ID.test(text);
}

/** `unstable`: lower-case letters. */
export function isSuiteName(text: string): boolean {
  return SUITE.test(text);
}
