import type { DistributionTarget } from "../../catalog/index.ts";
import type { Transaction } from "../../database/index.ts";
import { isVersion, type Version } from "../../formats/index.ts";
import { type Problem, parseUploadOptions, portedVersion } from "../../rules/index.ts";
import { AppError } from "../../runtime/index.ts";
import { checkDistribution } from "../check-distribution.ts";
import { checkVersion } from "../check-version.ts";
import type { PackagerContext } from "../packager-context.ts";
import { checkUnderWay } from "./request-sources.ts";
import type { PlannedSource, SourceRequest } from "./source-request.ts";

export interface PortQuestion {
  readonly source: string;
  readonly version: Version;
  /** Undefined: it is not from here. */
  readonly from: DistributionTarget | undefined;
  readonly to: string;
  readonly request: SourceRequest;
}

/** Ports are no worse for what lintian has learned since. */
const DEFAULT_OPTIONS = "lintian-mode=ignore";
/** A list from outside becomes rows and builds. */
const TARGETS_MAX = 100;

/** The port with its new version, judged as the upload that it will be; all reasons against it. */
export async function planPort(
  context: PackagerContext,
  tx: Transaction,
  { source, version, from, to, request }: PortQuestion,
): Promise<{ readonly plan: PlannedSource | undefined; readonly problems: readonly Problem[] }> {
  const { target, problems } = checkDistribution(context.catalog(), to);
  if (target === undefined || problems.length > 0) return { plan: undefined, problems };

  const ported = portedVersion({ version, from, to: target, at: tx.now() });
  if (!isVersion(ported)) return { plan: undefined, problems: [noVersion(ported, target.name)] };
  const plan = { source, version: ported, distribution: target.name, request };
  const changes = { source, version: ported, sourceVersion: ported };
  const against = [...(await checkVersion(tx, { changes, target, dscSha256: undefined })), ...(await checkUnderWay(tx, plan))];
  return { plan, problems: against };
}

/** "a=b|c=d" as the options of a changelog. Throws PORT_OPTIONS_INVALID with all that is wrong. */
export function parsePortOptions(text: string | undefined): string[] {
  const options = (text ?? DEFAULT_OPTIONS)
    .split("|")
    .map((option) => option.trim())
    .filter((option) => option !== "");
  const { problems } = parseUploadOptions(options.map(optionLine).join("\n"));
  const broken = options.find((option) => /[\r\n]/.test(option) || option.length > 1_000);
  if (problems.length === 0 && broken === undefined) return options;

  const messages = broken === undefined ? problems.map(({ message }) => message) : ["an option is one short line"];
  throw new AppError({
    kind: "invalid",
    code: "PORT_OPTIONS_INVALID",
    message: messages.join("; "),
    hint: "Options are those of uploads, separated by |: lintian-mode=ignore|deb-build-options=nocheck",
  });
}

export function optionLine(option: string): string {
  return `  * MINI_BUILDD_OPTION: ${option}`;
}

/** Distributions to port to, each once. Throws PORT_TARGETS_MISSING. */
export function parseTargets(names: readonly string[]): string[] {
  const targets = [...new Set(names.map((name) => name.trim()).filter((name) => name !== ""))];
  if (targets.length > 0 && targets.length <= TARGETS_MAX) return targets;

  throw new AppError({
    kind: "invalid",
    code: "PORT_TARGETS_MISSING",
    message: `${targets.length} distributions to port to are given: there must be 1 to ${TARGETS_MAX}`,
    hint: "Name distributions that take uploads, separated by commas",
  });
}

/** Nothing is done when anything speaks against it. Throws PORT_REFUSED (conflict) with all reasons. */
export function refusePort(source: string, problems: readonly Problem[]): never {
  const [first] = problems;
  throw new AppError({
    kind: "conflict",
    code: "PORT_REFUSED",
    message: `${source} is not ported: ${problems.map(({ message }) => message).join("; ")}`,
    hint: first?.hint,
    facts: { codes: problems.map(({ code }) => code) },
  });
}

function noVersion(text: string, distribution: string): Problem {
  return {
    code: "PORT_VERSION_INVALID",
    message: `the port to ${distribution} would have the version ${text.slice(0, 250)}, which is none`,
    hint: "Make a source package with a shorter version, and upload that",
  };
}
