import type { EndedCommand } from "../runtime/index.ts";
import { BuildEnding, environmentFailed, packageFailed } from "./ending.ts";
import { failureClassOf } from "./failure-evidence.ts";
import { parseSbuildSummary } from "./sbuild-summary.ts";

/** Stages in which only the source package can be at fault. */
const PACKAGE_STAGES: readonly string[] = ["build", "unpack", "check-unpacked-version", "parse-changes", "check-architecture"];

/** The last lines of a build that had no room to write. */
const NO_SPACE = /No space left on device|Disk quota exceeded/;

export interface SbuildCircumstances {
  /** The disk went below the reserve while sbuild ran. */
  readonly diskWasLow: boolean;
}

/**
 * Why sbuild did not build, or undefined when it did. sbuild's exit status: 0 successful or skipped, 2 the build
 * itself failed, 3 it thinks another try may help, 1 anything else. A build has no network, so an archive's
 * trouble cannot show here: what looks like it is the package's own output.
 */
export function judgeSbuild(ended: EndedCommand, circumstances: SbuildCircumstances): BuildEnding | undefined {
  const log = ended.stdout.toString("utf8");
  const { failStage } = parseSbuildSummary(log);
  if (ended.reason === "not-started")
    return environmentFailed(`sbuild could not be started: ${ended.stderr.toString("utf8").trim()}`);
  if (ended.reason !== "exited") return environmentFailed(`sbuild ended unexpectedly (${ended.exitSignal ?? ended.reason})`);
  if (ended.exitCode === 0 && failStage === "arch-check")
    return new BuildEnding("skipped", "nothing is to be built for this architecture");
  if (ended.exitCode === 0) return undefined;

  if (circumstances.diskWasLow && NO_SPACE.test(log.slice(-16_384))) return environmentFailed("the disk was full", "disk");
  if (ended.exitCode === 2 || (failStage !== undefined && PACKAGE_STAGES.includes(failStage))) {
    const failureClass = failStage === undefined || failStage === "build" ? failureClassOf(bodyOf(log)) : "source";
    return packageFailed(`${describeStage(failStage)}${lastError(log)}`, failureClass);
  }
  return environmentFailed(`sbuild ended with status ${ended.exitCode} in stage ${failStage ?? "unknown"}${lastError(log)}`);
}

function describeStage(stage: string | undefined): string {
  if (stage === "unpack") return "the source package could not be unpacked";
  if (stage === undefined || stage === "build") return "dpkg-buildpackage failed";
  return `sbuild failed in stage ${stage}`;
}

/** The last complaint of dpkg-buildpackage, make or the compiler before the summary: a hint, never a decision. */
function lastError(log: string): string {
  const lines = bodyOf(log)
    .split("\n")
    .map((line) => line.trim());
  const line =
    lines.findLast((line) => /(?:^|: |\s)(?:fatal )?error: /i.test(line) && !line.startsWith("dpkg-buildpackage:")) ??
    lines.findLast((line) => line.startsWith("dpkg-buildpackage: error: "));
  return line === undefined ? "" : `: ${line.slice(0, 300)}`;
}

/** Without sbuild's summary. */
function bodyOf(log: string): string {
  const summaryAt = log.lastIndexOf("\n| Summary ");
  return summaryAt < 0 ? "" : log.slice(0, summaryAt);
}
