/**
 * Damaged real files for each reader of what strangers send: `node bench/fuzz.ts [--count 100000] [--seed 1] [--json]`;
 * the count is that of all readers together.
 * Prints what was taken and refused, and the slowest; exits with 1 when anything broke, and says how to see it again.
 */
import { parseArgs } from "node:util";
import { fuzz, TARGET_COUNT } from "../test/support/fuzz/fuzz.ts";
import { tell } from "./support/report.ts";

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "100000" },
    seed: { type: "string", default: "1" },
    json: { type: "boolean", default: false },
  },
});

const reports = await fuzz({
  count: Math.ceil(Number(values.count) / TARGET_COUNT),
  firstSeed: Number(values.seed),
  onTarget: ({ target, finds }) => tell(`${target}: ${finds.length === 0 ? "nothing found" : `${finds.length} finds`}`),
});
const rows = reports.map(({ target, accepted, refused, finds, slowestCpuMs }) => ({
  target,
  accepted,
  refused: [...refused.values()].reduce((sum, count) => sum + count, 0),
  codes: [...refused.keys()].toSorted().join(" "),
  slowestCpuMs: Math.round(slowestCpuMs),
  finds: finds.length,
}));
if (values.json) process.stdout.write(`${JSON.stringify(rows, undefined, 2)}\n`);
else console.table(rows);
for (const { target, finds } of reports) {
  for (const { seed, problem } of finds) process.stderr.write(`${target}, --seed ${seed} --count 1: ${problem}\n`);
}
process.exitCode = rows.some(({ finds }) => finds > 0) ? 1 : 0;
