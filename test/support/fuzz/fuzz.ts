import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AppError, asAppError } from "../../../src/runtime/index.ts";
import { Random } from "./mutate.ts";
import { makeSeeds } from "./seeds.ts";
import { type FuzzTarget, fuzzTargets } from "./targets.ts";

/** Of this process: other work on the machine does not count. */
const CPU_MS_MAX = 1_000;
/** A reader that waits for ever uses no processor time. */
const END_MS_MAX = 60_000;

/** How many readers there are. */
export const TARGET_COUNT = 9;

export interface FuzzReport {
  readonly target: string;
  accepted: number;
  /** By the code of the refusal. */
  readonly refused: Map<string, number>;
  readonly finds: FuzzFind[];
  slowestCpuMs: number;
}

/** Run `make(new Random(seed))` of the target again to see it. */
export interface FuzzFind {
  readonly seed: number;
  readonly problem: string;
  readonly input: Buffer;
}

/** Give each reader of hostile input so many damaged real files. Stops a target at its tenth find. */
export async function fuzz(options: {
  count: number;
  firstSeed: number;
  onTarget?: (report: FuzzReport) => void;
}): Promise<FuzzReport[]> {
  const scratchPath = await mkdtemp(join(tmpdir(), "mbd-fuzz-"));
  try {
    const targets = await fuzzTargets(await makeSeeds(scratchPath), scratchPath);
    if (targets.length !== TARGET_COUNT) throw new Error(`there are ${targets.length} readers, not ${TARGET_COUNT}`);
    const reports: FuzzReport[] = [];
    for (const target of targets) {
      const report = await fuzzTarget(target, options);
      options.onTarget?.(report);
      reports.push(report);
    }
    return reports;
  } finally {
    await rm(scratchPath, { recursive: true, force: true });
  }
}

async function fuzzTarget(target: FuzzTarget, { count, firstSeed }: { count: number; firstSeed: number }): Promise<FuzzReport> {
  const report: FuzzReport = { target: target.name, accepted: 0, refused: new Map(), finds: [], slowestCpuMs: 0 };
  for (let seed = firstSeed; seed < firstSeed + count && report.finds.length < 10; seed += 1) {
    const input = target.make(new Random(seed));
    const before = process.cpuUsage();
    const problem = await judge(target, input, report);
    const { user, system } = process.cpuUsage(before);
    const cpuMs = (user + system) / 1_000;
    report.slowestCpuMs = Math.max(report.slowestCpuMs, cpuMs);
    const slow = cpuMs > CPU_MS_MAX ? `took ${Math.round(cpuMs)} ms of processor time` : undefined;
    if (problem !== undefined || slow !== undefined) report.finds.push({ seed, problem: problem ?? slow ?? "", input });
  }
  await target.dispose?.();
  return report;
}

/** Undefined when it was taken or refused as it should be. */
async function judge(target: FuzzTarget, input: Buffer, report: FuzzReport): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`did not end in ${END_MS_MAX} ms`)), END_MS_MAX);
  });
  try {
    await Promise.race([target.run(input), tooLong]);
    report.accepted += 1;
    return undefined;
  } catch (error) {
    const known = asAppError(error);
    const isRefusal = error instanceof AppError && (known.kind === "invalid" || known.code === "TESTBED_COPY_FAILED");
    if (!isRefusal) return error instanceof Error ? (error.stack ?? error.message) : String(error);
    report.refused.set(known.code, (report.refused.get(known.code) ?? 0) + 1);
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}
