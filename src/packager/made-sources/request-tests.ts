import { parseUploadOptions } from "../../rules/index.ts";
import { AppError } from "../../runtime/index.ts";
import type { PackagerContext } from "../packager-context.ts";
import { requireWorkshop } from "./open-workshop.ts";
import { optionLine } from "./plan-port.ts";
import { requestGenerated } from "./request-keyrings.ts";
import type { RequestedPort } from "./request-port.ts";
import { isTestPackage, TEST_PACKAGES } from "./test-trees.ts";

export interface TestRequest {
  /** Default: all. */
  readonly sources?: readonly string[] | undefined;
  /** Default: every experimental distribution that takes uploads. */
  readonly distributions?: readonly string[] | undefined;
  /** Those that are installed are ported to these. */
  readonly autoPorts?: readonly string[] | undefined;
  readonly by: string;
}

/**
 * Have test packages built: two that must be installed, and one that must fail. Throws TEST_PACKAGE_UNKNOWN,
 * PORT_OPTIONS_INVALID, PORT_REFUSED, WORKSHOP_MISSING.
 */
export async function requestTests(context: PackagerContext, request: TestRequest): Promise<RequestedPort[]> {
  requireWorkshop(context);
  const sources = request.sources ?? Object.keys(TEST_PACKAGES);
  const unknown = sources.find((name) => !isTestPackage(name));
  if (unknown !== undefined) throw testUnknown(unknown);

  const autoPorts = request.autoPorts ?? [];
  if (autoPorts.length > 0) requireGoodAutoPorts(autoPorts);
  return requestGenerated(context, {
    sources,
    distributions: request.distributions ?? experimentalDistributions(context),
    request: { kind: "test", autoPorts },
    by: request.by,
  });
}

function experimentalDistributions(context: PackagerContext): string[] {
  const targets = context.catalog().listDistributions();
  return targets.filter(({ suite }) => suite.experimental && suite.uploadable).map(({ name }) => name);
}

function requireGoodAutoPorts(autoPorts: readonly string[]): void {
  const { problems } = parseUploadOptions(optionLine(`auto-ports=${autoPorts.join(",")}`));
  const [problem] = problems;
  if (problem !== undefined) throw new AppError({ kind: "invalid", ...problem, code: "PORT_OPTIONS_INVALID" });
}

function testUnknown(name: string): AppError {
  return new AppError({
    kind: "invalid",
    code: "TEST_PACKAGE_UNKNOWN",
    message: `there is no test package ${name.slice(0, 100)}`,
    hint: `There are: ${Object.keys(TEST_PACKAGES).join(", ")}`,
  });
}
