import type { MissingDependencies } from "../buildorder/index.ts";
import { AppError, commandError } from "../runtime/index.ts";
import { SBUILD_APT_OPTIONS } from "./install-packages.ts";
import { type InstallPlan, missingDependencies, parsePlan, unsatisfiableReason } from "./install-plan.ts";
import { findKnownVersions } from "./known-versions.ts";
import { describeNeeded, findNeededVersions, pinNeededVersions } from "./needed-versions.ts";
import { RELATIONS_SCRIPT } from "./relations-script.ts";
import type { Session } from "./session.ts";
import type { DependencyLayerRequest } from "./types.ts";

const RESOLVE_TIMEOUT_MS = 10 * 60 * 1000;

export type PlanQuestion =
  | { action: "upgrade" }
  | { action: "install"; positive: string; negative: string; profiles: string; alternatives?: "all" };

/**
 * What apt would do in an offline session that has the package lists. AppError invalid BUILD_DEPENDS_UNSATISFIABLE,
 * BUILD_DEPENDS_INVALID.
 */
export async function askApt(session: Session, request: DependencyLayerRequest, question: PlanQuestion): Promise<InstallPlan> {
  if (question.action === "upgrade") {
    const simulated = await simulate(session, request, ["dist-upgrade"]);
    return planOf(simulated) ?? refuse(session, simulated);
  }

  const dummy = await makeDummyPackage(session, request, question);
  const output = await simulate(session, request, ["install", dummy.path]);
  const plan = planOf(output);
  if (plan !== undefined) return plan;

  const { architecture } = request.base;
  const needed = await findNeededVersions(session, { architecture, control: dummy.control, signal: request.signal });
  if (needed.length === 0) return refuse(session, output);
  await pinNeededVersions(session, needed);
  // The reason of the first refusal is the one that people understand.
  const pinned = planOf(await simulate(session, request, ["install", dummy.path])) ?? (await refuse(session, output));
  return { ...pinned, remarks: needed.map(describeNeeded) };
}

/** What apt printed; undefined `refused`: it would do it. Throws when something other than the packages is at fault. */
async function simulate(
  session: Session,
  request: DependencyLayerRequest,
  target: readonly string[],
): Promise<{ output: string; refusal: string | undefined }> {
  const { signal } = request;
  await session.runChecked({ argv: ["mkdir", "-p", "/tmp/no-archives/partial"] });
  const ended = await session.run({
    argv: [
      "apt-get",
      ...SBUILD_APT_OPTIONS,
      "--print-uris",
      "--option=Acquire::ForceHash=SHA256",
      "--option=Dir::Cache::Archives=/tmp/no-archives",
      ...target,
    ],
    timeoutMs: RESOLVE_TIMEOUT_MS,
    signal,
  });
  signal?.throwIfAborted();
  const output = `${ended.stdout.toString("utf8")}\n${ended.stderr.toString("utf8")}`;
  if (ended.reason === "exited" && ended.exitCode === 0) return { output, refusal: undefined };

  const refusal = unsatisfiableReason(output);
  if (refusal === undefined) throw commandError(["apt-get"], ended);
  return { output, refusal };
}

function planOf({ output, refusal }: { output: string; refusal: string | undefined }): InstallPlan | undefined {
  return refusal === undefined ? parsePlan(output) : undefined;
}

/** Throws BUILD_DEPENDS_UNSATISFIABLE, with what is missing, and which versions of it there are. */
async function refuse(session: Session, { output, refusal }: { output: string; refusal: string | undefined }): Promise<never> {
  const missing = missingDependencies(output);
  const known = await findKnownVersions(session, missing.relations);
  throw unsatisfiable(`the build dependencies cannot be satisfied: ${refusal ?? ""}`, { output, missing: { ...missing, known } });
}

/** sbuild's way: the build dependencies become the dependencies of a package, and apt is asked to install that. */
async function makeDummyPackage(
  session: Session,
  request: DependencyLayerRequest,
  question: Extract<PlanQuestion, { action: "install" }>,
): Promise<{ path: string; control: Uint8Array }> {
  const { profiles, positive, negative, alternatives = "first" } = question;
  const control = await session.run({
    argv: ["perl", "-", request.base.architecture, profiles, positive, negative, alternatives],
    input: RELATIONS_SCRIPT,
    signal: request.signal,
  });
  if (control.exitCode === 3) throw unreadable(control.stderr.toString("utf8").trim());
  if (control.exitCode !== 0) throw commandError(["perl"], control);

  const path = "/tmp/mini-buildd-build-depends.deb";
  const script = 'mkdir -p /tmp/dummy/DEBIAN && cat > /tmp/dummy/DEBIAN/control && exec dpkg-deb -Znone --build /tmp/dummy "$1"';
  await session.runChecked({ argv: ["sh", "-ec", script, "sh", path], input: control.stdout });
  return { path, control: control.stdout };
}

function unsatisfiable(message: string, { output, missing }: { output: string; missing: MissingDependencies }): AppError {
  return new AppError({
    kind: "invalid",
    code: "BUILD_DEPENDS_UNSATISFIABLE",
    message,
    hint: "Change Build-Depends in debian/control, or add an archive source that has the packages",
    facts: { output: output.slice(-8_000), missing },
  });
}

function unreadable(message: string): AppError {
  return new AppError({
    kind: "invalid",
    code: "BUILD_DEPENDS_INVALID",
    message,
    hint: "Correct the relations in debian/control",
  });
}
