import type { FailureClass } from "../buildorder/index.ts";

/** What ended the build is near its end; above that, programs that went on after an error have their say too. */
const LAST_LINES = 120;

/**
 * In this order: what a full disk or a missing library leaves behind looks like a failing compiler, and what fails inside
 * of tests like anything. A sign of `isLate` counts only near the end, as a test may provoke it and pass.
 */
const SIGNS: readonly { readonly failureClass: FailureClass; readonly pattern: RegExp; readonly isLate?: true }[] = [
  { failureClass: "disk", pattern: /No space left on device|Disk quota exceeded/, isLate: true },
  {
    failureClass: "processes",
    pattern: /fork: (?:retry: )?Resource temporarily unavailable|[Cc]an(?:no|')t (?:v?fork|create thread)|pthread_create failed/,
    isLate: true,
  },
  {
    failureClass: "memory",
    pattern:
      /virtual memory exhausted|Cannot allocate memory|std::bad_alloc|java\.lang\.OutOfMemoryError|MemoryError\b|Killed signal terminated program|LLVM ERROR: out of memory|^Killed$|Error 137\b/,
    isLate: true,
  },
  {
    failureClass: "network",
    pattern:
      /Temporary failure in name resolution|Could not resolve host|Name or service not known|Network is unreachable|getaddrinfo (?:EAI_AGAIN|ENOTFOUND)|dial tcp: lookup |Failed to establish a new connection|Bad hostname '/,
    isLate: true,
  },
  {
    failureClass: "missing-file",
    pattern:
      /fatal error: \S+: No such file or directory|fatal error: '[^']+' file not found|dh_\w+: (?:error: |warning: )?(?:[Mm]issing files?|Cannot find)|cannot find -l|No package '[^']+' found|Could not find a package configuration file|No rule to make target|ModuleNotFoundError:|Can't locate \S+ in @INC|: (?:command )?not found$|cannot stat '[^']+': No such file|Dependency "[^"]+" not found/,
    isLate: true,
  },
  {
    failureClass: "tests",
    pattern:
      /dh_auto_test: error:|\*\*\* \[[^\]]*\b(?:override_dh_auto_test|check|check-am|check-TESTS|test|tests)\]|^# FAIL: +[1-9]|^The following tests FAILED|^=+ .*\b[1-9]\d* failed\b.* =+$|^FAILED \((?:failures|errors)=|^Result: FAIL|^--- FAIL: |test result: FAILED/,
    isLate: true,
  },
  {
    failureClass: "compiler",
    pattern:
      /^(?!dpkg-|dh_|make)\S.*: (?:fatal )?error: |^error(?:\[E\d+\])?: |undefined reference to |ld returned \d+ exit status|: Error: |SyntaxError: /,
  },
];

/** What made dpkg-buildpackage fail, by the end of its log. Text of the package's own: a help for people, never a decision. */
export function failureClassOf(log: string): FailureClass {
  const lines = log.split("\n").map((line) => line.trimEnd());
  const last = lines.slice(-LAST_LINES);
  const found = SIGNS.find(({ pattern, isLate }) => (isLate === true ? last : lines).some((line) => pattern.test(line)));
  return found?.failureClass ?? "build";
}
