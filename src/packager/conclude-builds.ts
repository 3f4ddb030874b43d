import { type Build, LIVE_BUILD_STATES, listCurrentBuilds } from "../farm/index.ts";
import { enqueue } from "../queue/index.ts";
import type { Problem } from "../rules/index.ts";
import { advance } from "./advance.ts";
import { INSTALL_UPLOAD_JOB } from "./jobs.ts";
import type { PackagerContext } from "./packager-context.ts";
import { loadUpload } from "./upload.ts";

/** Job: every build of an upload has ended; go on to install what they made, or say why not. Safe to run twice. */
export async function concludeBuilds(context: PackagerContext, uploadId: string): Promise<void> {
  await context.database.transaction(async (tx) => {
    const upload = await loadUpload(tx, uploadId);
    if (upload.state !== "building") return;

    const builds = await listCurrentBuilds(tx, uploadId);
    if (builds.some(isLive)) return;

    const problems = judgeBuilds(builds);
    if (problems.length > 0) {
      await advance(tx, upload, { type: "failed", problems });
      return;
    }
    const isNews = await advance(tx, upload, { type: "builds-passed" });
    if (isNews)
      await enqueue(tx, { kind: INSTALL_UPLOAD_JOB, payload: { uploadId }, dedupeKey: `${INSTALL_UPLOAD_JOB} ${uploadId}` });
  });
}

function isLive(build: Build): boolean {
  return (LIVE_BUILD_STATES as readonly string[]).includes(build.state);
}

/** Every mandatory architecture must have been built, or have nothing to build; and something must have come out. */
function judgeBuilds(builds: readonly Build[]): Problem[] {
  const problems = builds.filter((build) => !build.isOptional && !isPassed(build)).map(describeFailure);
  if (problems.length > 0 || builds.some((build) => build.result?.status === "built")) return problems;

  return [
    {
      code: "NOTHING_BUILT",
      message: `none of the architectures ${builds.map((build) => build.architecture).join(", ")} built a package`,
      hint: "Look at the fields Architecture in debian/control: they must include one that this distribution builds",
    },
  ];
}

function isPassed(build: Build): boolean {
  return build.state === "done" && (build.result?.status === "built" || build.result?.status === "skipped");
}

function describeFailure(build: Build): Problem {
  const step = build.result?.failedStep === undefined ? "" : ` in step ${build.result.failedStep}`;
  if (build.state === "cancelled") {
    return {
      code: "BUILD_CANCELLED",
      message: `${build.architecture}: the build was cancelled${build.reason === undefined ? "" : `: ${build.reason}`}`,
    };
  }
  if (build.result?.status === "environment-failed") {
    return {
      code: "BUILD_ENVIRONMENT_FAILED",
      message: `${build.architecture}: our build environment failed${step}: ${build.reason ?? "see the log"}`,
      hint: "This is not the package's fault: tell the administrator, and upload again once it is mended",
    };
  }
  return {
    code: "BUILD_FAILED",
    message: `${build.architecture}: the build failed${step}: ${build.reason ?? "see the log"}`,
    hint: buildHint(build),
  };
}

function buildHint({ id, result }: Build): string {
  const hint = result?.failure?.hint ?? "Read the build log, correct the package, and upload it with a higher version or again";
  const until = result?.testbedKeptUntil;
  return until === undefined ? hint : `${hint}. A shell in its testbed, until ${until}: mini-buildd debug-build ${id}`;
}
