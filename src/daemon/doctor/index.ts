/**
 * doctor: looks at everything that mini-buildd needs of a machine, and says for each how to fix it. Changes nothing;
 * may run beside the daemon. Its exit status is 1 when there is a problem.
 */
import { parseArgs } from "node:util";
import { systemClock } from "../../runtime/index.ts";
import { parseCommandArguments } from "../command-arguments.ts";
import { loadConfig } from "../config.ts";
import { checkArchive } from "./check-archive.ts";
import { checkHome } from "./check-home.ts";
import { checkNamespaces } from "./check-namespaces.ts";
import { checkNetwork } from "./check-network.ts";
import { checkPrograms } from "./check-programs.ts";
import { checkSystem } from "./check-system.ts";
import type { Check, CheckContext, Finding, FindingStatus } from "./finding.ts";

export type { Finding, FindingStatus } from "./finding.ts";

const CHECKS: readonly Check[] = [checkSystem, checkPrograms, checkNamespaces, checkHome, checkNetwork, checkArchive];

/** `mini-buildd doctor [--home DIRECTORY] [--json]`. Returns the exit status. */
export async function runDoctor(args: readonly string[]): Promise<number> {
  const options = {
    home: { type: "string", default: "/var/lib/mini-buildd" },
    json: { type: "boolean", default: false },
  } as const;
  const { values } = parseCommandArguments("mini-buildd doctor [--home DIRECTORY] [--json]", () =>
    parseArgs({ args: [...args], options }),
  );
  const findings = await diagnose({ config: await loadConfig(values.home), now: systemClock.now() });

  process.stdout.write(values.json ? `${JSON.stringify(findings, undefined, 2)}\n` : formatFindings(findings));
  return findings.some(({ status }) => status === "problem") ? 1 : 0;
}

/** In the order in which one would fix them. */
export async function diagnose(ctx: CheckContext): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const check of CHECKS) findings.push(...(await check(ctx)));
  return findings;
}

const MARKS: Readonly<Record<FindingStatus, string>> = { ok: "ok      ", warning: "warning ", problem: "PROBLEM " };

export function formatFindings(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ subject }) => subject.length));
  const lines = findings.map(({ subject, status, message, fix }) => {
    const line = `${MARKS[status]} ${subject.padEnd(width)}  ${message}\n`;
    return fix === undefined ? line : `${line}${" ".repeat(width + 11)}${fix}\n`;
  });
  const problems = findings.filter(({ status }) => status === "problem").length;
  return `${lines.join("")}${problems === 0 ? "everything mini-buildd needs is there\n" : `${problems} problem(s)\n`}`;
}
