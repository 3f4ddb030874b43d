import { type BinaryInDistribution, listBinaries, type SourceInDistribution } from "../../archive/index.ts";
import type { DistributionTarget } from "../../catalog/index.ts";
import { AppError } from "../../runtime/index.ts";
import { checkDistribution } from "../check-distribution.ts";
import { requestPort } from "../made-sources/request-port.ts";
import type { PackagerContext } from "../packager-context.ts";
import { requireSource } from "../require-source.ts";
import { orderBinNmu, type RequestedRebuild } from "./order-binnmu.ts";
import { chooseMethod } from "./rebuild-method.ts";
import { checkRebuildUnderWay } from "./rebuild-under-way.ts";
import { refuseRebuild } from "./refuse-rebuild.ts";

export type { RequestedRebuild };

export interface RebuildRequest {
  readonly source: string;
  readonly distribution: string;
  /** Default: the newest there. */
  readonly version?: string | undefined;
  /** Default: all that it has packages for. */
  readonly architectures?: readonly string[] | undefined;
  /** For people who read the changelog. */
  readonly reason?: string | undefined;
  readonly by: string;
}

const DEFAULT_REASON = "Rebuild, for what has changed in its build dependencies.";
const REASON_LENGTH_MAX = 500;

/**
 * Have a version of a source package that is in a distribution built again there, with nothing of it changed: as a binNMU
 * where that is possible, else as a port into its own distribution. Never with a version that was there before. Stored on
 * return; the rest is jobs. Throws SOURCE_NOT_THERE, REBUILD_REFUSED with all reasons, REBUILD_REASON_INVALID, and what
 * requestPort throws.
 */
export async function requestRebuild(context: PackagerContext, request: RebuildRequest): Promise<RequestedRebuild> {
  const reason = checkReason(request.reason);
  const { target, problems } = checkDistribution(context.catalog(), request.distribution);
  if (target === undefined || problems.length > 0) refuseRebuild(request.source, problems);

  const wanted = { act: "rebuild", source: request.source, distribution: target.name, version: request.version };
  const source = await requireSource(context.database.read, wanted);
  const binaries = await listBinaries(context.database.read, target.name, source);
  const method = await chooseMethod(context, source, binaries);
  if (method.type === "port") return portInPlace(context, { request, source, target, reason: method.reason });

  const architectures = chooseArchitectures(request, target, binaries);
  const notes = method.warning === undefined ? [] : [method.warning];
  return orderBinNmu(context, { source, target, architectures, reason, notes, by: request.by });
}

async function portInPlace(
  context: PackagerContext,
  port: { request: RebuildRequest; source: SourceInDistribution; target: DistributionTarget; reason: string },
): Promise<RequestedRebuild> {
  const { request, source, target, reason } = port;
  const problems = await checkRebuildUnderWay(context.database.read, { source, target });
  if (problems.length > 0) refuseRebuild(source.name, problems);
  const to = [target.name];
  const [made] = await requestPort(context, {
    source: source.name,
    from: target.name,
    to,
    version: source.version,
    by: request.by,
  });
  const isNarrowed = request.architectures !== undefined;
  const notes = [`${reason}: the source package gets a new version`];
  if (isNarrowed) notes.push("it is built for all architectures, as one version stands for one source package");
  return {
    method: "port",
    source: source.name,
    sourceVersion: source.version,
    version: made?.version ?? "",
    distribution: target.name,
    architectures: [],
    uploadId: undefined,
    notes,
  };
}

/** Those that the distribution builds and has packages for; what was never built is built by a retry, not again. */
function chooseArchitectures(
  { source, architectures: wanted }: RebuildRequest,
  target: DistributionTarget,
  binaries: readonly BinaryInDistribution[],
): string[] {
  const there = target.architectures
    .map(({ name }) => name)
    .filter((name) => binaries.some((each) => each.architecture === name));
  const missing = (wanted ?? []).filter((name) => !there.includes(name));
  if (missing.length === 0 && there.length > 0) return there.filter((name) => wanted?.includes(name) ?? true);

  const named =
    missing.length === 0 ? "an architecture that is built there" : missing.map((name) => name.slice(0, 50)).join(", ");
  return refuseRebuild(source, [
    {
      code: "REBUILD_REFUSED",
      message: `${target.name} has no binary packages of it for ${named}`,
      hint:
        there.length === 0
          ? "Look at the architectures of the codename in etc/catalog.toml"
          : `It has some for ${there.join(", ")}`,
    },
  ]);
}

/** One line of a changelog. */
function checkReason(text: string | undefined): string {
  const reason = (text ?? "").replaceAll(/\s+/g, " ").trim();
  const isPrintable = !/[\p{Cc}\p{Cf}\p{Cs}]/u.test(reason);
  if (isPrintable && reason.length <= REASON_LENGTH_MAX) return reason === "" ? DEFAULT_REASON : reason;

  throw new AppError({
    kind: "invalid",
    code: "REBUILD_REASON_INVALID",
    message: `the reason for a rebuild is one line of at most ${REASON_LENGTH_MAX} printable characters`,
    hint: 'Say in a sentence what has changed: "Rebuild against libfoo 2"',
  });
}
