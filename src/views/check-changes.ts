import type { BuildResult, CheckResult } from "../buildorder/index.ts";
import type { CheckChangesView } from "../operations/index.ts";
import type { ViewContext } from "./context.ts";

/** The version before, as far as its checks are known: by architecture and name of the check. */
export interface EarlierChecks {
  readonly version: string;
  find(architecture: string, name: string): CheckResult | undefined;
}

/** The upload of the same source package that was installed in the same distribution last before this one. */
export async function findEarlierChecks(
  ctx: ViewContext,
  upload: { readonly id: string; readonly source: string; readonly distribution: string; readonly received_at: string },
): Promise<EarlierChecks | undefined> {
  const earlier = await ctx.db
    .selectFrom("uploads")
    .select(["id", "version"])
    .where("source", "=", upload.source)
    .where("distribution", "=", upload.distribution)
    .where("state", "=", "installed")
    .where("received_at", "<", upload.received_at)
    .orderBy("received_at", "desc")
    .limit(1)
    .executeTakeFirst();
  if (earlier === undefined) return undefined;

  const rows = await ctx.db
    .selectFrom("builds")
    .select(["architecture", "result"])
    .where("upload_id", "=", earlier.id)
    .where("result", "is not", null)
    .orderBy("attempt")
    .execute();
  const checks = new Map(
    rows.map(({ architecture, result }) => [architecture, (JSON.parse(result ?? "{}") as BuildResult).checks]),
  );
  return {
    version: earlier.version,
    find: (architecture, name) => checks.get(architecture)?.find((check) => check.name === name && wasRun(check)),
  };
}

/** Null: there is nothing to compare with. */
export function compareChecks(
  check: CheckResult,
  architecture: string,
  earlier: EarlierChecks | undefined,
): CheckChangesView | null {
  const before = wasRun(check) ? earlier?.find(architecture, check.name) : undefined;
  if (earlier === undefined || before === undefined) return null;

  const [now, then] = [findingsOf(check), findingsOf(before)];
  const added = now.filter(({ key }) => !then.some((finding) => finding.key === key));
  const gone = then.filter(({ key }) => !now.some((finding) => finding.key === key));
  return {
    version: earlier.version,
    added: added.map(({ text }) => text),
    gone: gone.map(({ text }) => text),
    summary: summarise(added, gone),
  };
}

function wasRun({ outcome }: CheckResult): boolean {
  return outcome === "pass" || outcome === "warn" || outcome === "fail";
}

interface Finding {
  /** The same for the same finding in another version: line numbers, sizes and versions do not count. */
  readonly key: string;
  readonly kind: string;
  readonly text: string;
}

const LEVELS: Readonly<Record<string, string>> = { E: "error", W: "warning" };

function findingsOf({ tags, tests = [] }: CheckResult): Finding[] {
  const ofTags = tags.map(({ level, package: packageName, tag, details }) => {
    const text = `${level}: ${packageName}: ${tag}${details === "" ? "" : ` ${details}`}`;
    return { key: text.replaceAll(/\d+/g, "0"), kind: LEVELS[level] ?? "remark", text };
  });
  const failed = tests.filter(({ outcome }) => outcome === "fail" || outcome === "flaky");
  return [...ofTags, ...failed.map(({ name }) => ({ key: name, kind: "failure", text: name }))];
}

/** "2 new warnings, 1 error gone"; "" when nothing changed. */
function summarise(added: readonly Finding[], gone: readonly Finding[]): string {
  const counts = (findings: readonly Finding[], format: (count: number, noun: string) => string): string[] =>
    ["error", "warning", "failure", "remark"].flatMap((kind) => {
      const count = findings.filter((finding) => finding.kind === kind).length;
      return count === 0 ? [] : [format(count, count === 1 ? kind : `${kind}s`)];
    });
  return [
    ...counts(added, (count, noun) => `${count} new ${noun}`),
    ...counts(gone, (count, noun) => `${count} ${noun} gone`),
  ].join(", ");
}
