import type { Database, Transaction } from "../database/index.ts";
import { AppError } from "../runtime/index.ts";
import { changeSource } from "./change-source.ts";
import { loadDistribution } from "./distributions.ts";
import { type HopInstallability, type Installability, installabilityProblems } from "./installability.ts";
import {
  isOverridable,
  type MigrationHop,
  type MigrationPlan,
  type MigrationProblem,
  type MigrationRequest,
  migrationRefused,
  planMigration,
} from "./migration-plan.ts";
import { recordMovement } from "./movement-event.ts";

export interface MigrateRequest extends MigrationRequest {
  /** Override what can be; it is recorded what that was. */
  readonly force?: boolean | undefined;
  /** Who asked for it, for the record. */
  readonly by?: string | undefined;
}

export interface MigrationResult {
  readonly source: string;
  readonly version: string;
  readonly migrated: readonly { readonly from: string; readonly to: string; readonly change: number }[];
  readonly overridden: readonly MigrationProblem[];
}

/** Everything a migration would do, with everything that speaks against it. */
export interface MigrationAssessment {
  readonly plan: MigrationPlan;
  /** One for each hop of the plan that brings something. */
  readonly hops: readonly { readonly hop: MigrationHop; readonly installability: HopInstallability }[];
  readonly problems: readonly MigrationProblem[];
}

export interface MigrateContext {
  readonly database: Database;
  readonly installability: Installability;
}

/** Weighing may take a minute; what changes meanwhile makes it void. */
const ATTEMPTS_MAX = 3;

/**
 * Copy a source package with its binary packages of all architectures to the next distribution, or up to the last: all
 * of it, with its events and publications, in one transaction; or nothing. Throws what planMigration throws, and
 * `conflict` MIGRATION_REFUSED with every reason, MIGRATION_OVERTAKEN.
 */
export async function migrate(ctx: MigrateContext, request: MigrateRequest): Promise<MigrationResult> {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const { plan, problems } = await assessMigration(ctx, request);
    const refusing = request.force === true ? problems.filter(({ code }) => !isOverridable(code)) : problems;
    if (refusing.length > 0) throw migrationRefused(plan, problems);

    const result = await ctx.database.transaction((tx) => carryOut(tx, plan, { overridden: problems, by: request.by }));
    if (result !== undefined) return result;
  }
  throw overtaken(request);
}

/** The same judgement beforehand; changes nothing. */
export async function assessMigration(ctx: MigrateContext, request: MigrationRequest): Promise<MigrationAssessment> {
  const plan = await planMigration(ctx.database.read, request);
  const coming = plan.hops.filter(({ isThere }) => !isThere);
  const hops = [];
  for (const hop of coming) hops.push({ hop, installability: await ctx.installability.judge(plan, hop) });

  const broken = hops.flatMap(({ hop, installability }) => installabilityProblems(hop, installability));
  return { plan, hops, problems: [...plan.problems, ...broken] };
}

/** Undefined, with nothing done, when what the plan rests on has changed. */
async function carryOut(
  tx: Transaction,
  plan: MigrationPlan,
  { overridden, by }: { overridden: readonly MigrationProblem[]; by: string | undefined },
): Promise<MigrationResult | undefined> {
  const { source, version } = plan;
  for (const seen of [plan.from, ...plan.hops.map(({ to }) => to)]) {
    const { change } = await loadDistribution(tx, seen.settings.name);
    if (change !== seen.change) return undefined;
  }

  const entering = { sourcePackageIds: plan.sourcePackageIds, binaryPackageIds: plan.packages.map(({ id }) => id) };
  const migrated = [];
  for (const { from, to, newer, dropped, replaced, isThere } of plan.hops) {
    if (isThere) continue;
    const distribution = to.settings.name;
    const change = await changeSource(tx, to, { source, leaving: newer, entering, wholeVersion: version });
    const here = overridden.filter((problem) => problem.distribution === distribution);
    const data = { act: "migrate", by, from, replaced: replaced ?? null, left: [...newer, ...dropped], overridden: here };
    await recordMovement(tx, { type: "MIGRATED", distribution, source, version, data });
    migrated.push({ from, to: distribution, change });
  }
  return { source, version, migrated, overridden };
}

function overtaken({ source, distribution }: MigrateRequest): AppError {
  return new AppError({
    kind: "conflict",
    code: "MIGRATION_OVERTAKEN",
    message: `the distributions changed ${ATTEMPTS_MAX} times while the migration of ${source} from ${distribution} was weighed`,
    hint: "Do it again when less is being installed",
    facts: { source, distribution },
  });
}
