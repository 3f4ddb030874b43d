/**
 * Sum up what vitest's JSON reporters wrote, in one plain line: `N passed, N failed`.
 * Usage: node tools/sum-tests.ts DIRECTORY [FAILED-PART…]
 * A part that failed without a failing test (lint, types, a file that does not load) counts as one failure.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly testResults: readonly { name: string; status: string; assertionResults: readonly { status: string }[] }[];
}

const [directory = ".", ...failedParts] = process.argv.slice(2);
let [passed, failed, skipped] = [0, 0, 0];
const partsWithFailedTests: string[] = [];

for (const name of readdirSync(directory).filter((file) => file.endsWith(".json"))) {
  const report = JSON.parse(readFileSync(join(directory, name), "utf8")) as Report;
  const unloaded = report.testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some(({ status }) => status === "failed"),
  );
  const failures = report.numFailedTests + unloaded.length;
  for (const file of unloaded) console.log(`did not load: ${file.name}`);
  if (failures > 0) partsWithFailedTests.push(name.replace(/\.json$/, ""));
  passed += report.numPassedTests;
  failed += failures;
  skipped += report.numPendingTests;
}

for (const part of failedParts.filter((part) => !partsWithFailedTests.includes(part))) {
  console.log(`${part} failed outside of its tests: see above`);
  failed += 1;
}
if (skipped > 0) console.log(`${skipped} skipped`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
