/** Why a build failed, as far as it can be told. The reason is a sentence; this is what can be counted and answered. */
export const FAILURE_CLASSES = [
  "dependencies",
  "source",
  "compiler",
  "tests",
  "missing-file",
  "build",
  "output",
  "checks",
  "timeout",
  "log-size",
  "memory",
  "processes",
  "disk",
  "network",
  "mirror",
  "ours",
] as const;
export type FailureClass = (typeof FAILURE_CLASSES)[number];

export interface BuildFailure {
  readonly class: FailureClass;
  /** The next thing to do. */
  readonly hint: string;
  /** The line of the log, from 1, to look at first. Absent: none looks like an error. */
  readonly logLine?: number | undefined;
  /** That line with what stands around it. Text of the package's own. */
  readonly excerpt?: LogExcerpt | undefined;
}

export interface LogExcerpt {
  /** Number of the first of them in the log, from 1. */
  readonly firstLine: number;
  readonly lines: readonly string[];
}

/** A class added here also needs a label in web/words.ts. */
const HINTS: Readonly<Record<FailureClass, string>> = {
  dependencies: "Change Build-Depends in debian/control, or upload what is missing",
  source: "Look at the source package itself: unpack it with dpkg-source -x",
  compiler: "Jump to the first error in the log: those after it often follow from it",
  tests: "Look at the first test that failed; build with DEB_BUILD_OPTIONS=nocheck to see whether the rest is well",
  "missing-file": "Add the package that has the file to Build-Depends, or correct the path in debian/*.install or debian/rules",
  build: "Look at the end of the log of step build: the last command that failed is there",
  output: "Look at debian/rules: what it makes is not what debian/control declares",
  checks: "Look at what the check found; an upload option can set its mode (MINI_BUILDD_OPTION: lintian-mode=ignore)",
  timeout: "Look at what the build did last: it hangs, or needs a higher limit (limits in etc/mini-buildd.toml)",
  "log-size": "Have the build print less, or raise buildLogSizeBytesMax",
  memory: "Build with less at once (MINI_BUILDD_OPTION: deb-build-options=parallel=1), or raise the memory a build may use",
  processes: "Have the build start fewer processes at once, or raise the number a build may have",
  disk: "Make room on the builder, or raise the disk space a build may use",
  network: "Builds have no network: package what it wanted to download, or have it skip those tests",
  mirror: "Nothing to do: it is tried again when the archive answers as it should",
  ours: "Nothing is wrong with the package: it is tried again; an administrator finds more in the daemon's log",
};

export function buildFailure(failureClass: FailureClass, where: Pick<BuildFailure, "logLine" | "excerpt"> = {}): BuildFailure {
  const { logLine, excerpt } = where;
  const known = { ...(logLine === undefined ? {} : { logLine }), ...(excerpt === undefined ? {} : { excerpt }) };
  return { class: failureClass, hint: HINTS[failureClass], ...known };
}
