/**
 * What sbuild says at the end of its log. The text differs between versions and the package can print anything
 * before it, so only the lines after the last "Summary" heading count, and the exit status rules.
 */
export interface SbuildSummary {
  readonly status: string | undefined;
  readonly failStage: string | undefined;
}

export function parseSbuildSummary(log: string): SbuildSummary {
  const heading = log.lastIndexOf("\n| Summary ");
  const summary = heading < 0 ? "" : log.slice(heading);
  return { status: field(summary, "Status"), failStage: field(summary, "Fail-Stage") };
}

function field(summary: string, name: string): string | undefined {
  return new RegExp(`^${name}: ([a-z][a-z0-9 -]{0,60})$`, "im").exec(summary)?.[1];
}
