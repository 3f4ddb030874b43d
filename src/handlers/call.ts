import { type Actor, type AuditOutcome, concludeAudit, recordAudit } from "../accounts/index.ts";
import { type ArgumentRules, type Operation, parseArguments } from "../operations/index.ts";
import { asAppError, assert } from "../runtime/index.ts";
import { requirePermission } from "./authorise.ts";
import type { OperationContext } from "./context.ts";
import { implementations } from "./implementations.ts";
import type { Visitor } from "./visitor.ts";

export interface Call {
  readonly operation: Operation;
  /** Query text or JSON values, not checked yet. */
  readonly raw: Readonly<Record<string, unknown>>;
  readonly rules: ArgumentRules;
  readonly visitor: Visitor;
}

/** The one way to an operation, for every edge: permission, then arguments, then the act, on the record. */
export async function callOperation(ctx: OperationContext, call: Call): Promise<unknown> {
  const { operation, visitor } = call;
  await requirePermission(ctx, call);

  const implementation = implementations.find((candidate) => candidate.operation.name === operation.name);
  assert(implementation !== undefined, `operation ${operation.name} has no implementation`);
  const args = parseArguments(operation, call.raw, call.rules);
  const run = (): Promise<unknown> => implementation.run(ctx, args, visitor.caller, visitor);
  return operation.changesState ? onTheRecord(ctx, call, run) : run();
}

/** In the audit log before it is done, so that no crash can hide it; how it ended is filled in. */
async function onTheRecord(ctx: OperationContext, call: Call, run: () => Promise<unknown>): Promise<unknown> {
  const { database } = ctx.accounts;
  const { name, peer } = call.visitor.caller;
  const actor: Actor = { name, peer };
  const entry = { actor, act: call.operation.name, subject: subjectOf(call), outcome: "begun" } as const;
  const id = await database.transaction((tx) => recordAudit(tx, entry));
  const conclude = (outcome: AuditOutcome, code?: string): Promise<void> =>
    database.transaction((tx) => concludeAudit(tx, id, { outcome, code }));
  try {
    const result = await run();
    await conclude("done");
    return result;
  } catch (error) {
    const { kind, code } = asAppError(error);
    await conclude(kind === "bug" || kind === "unavailable" ? "failed" : "refused", code);
    throw error;
  }
}

/** The operation's own arguments, as they were given. */
function subjectOf({ operation, raw }: Call): Record<string, unknown> {
  const given = Object.entries(raw).filter(([name, value]) => Object.hasOwn(operation.parameters, name) && value !== "");
  return Object.fromEntries(given);
}
