import { type LogLineView, log, parseArguments } from "../operations/index.ts";
import { requirePermission } from "./authorise.ts";
import type { OperationContext } from "./context.ts";
import { logFilter } from "./log.ts";
import type { Visitor } from "./visitor.ts";

export interface FollowRequest {
  readonly raw: Readonly<Record<string, unknown>>;
  readonly visitor: Visitor;
  readonly signal: AbortSignal;
}

/** What `log` shows, as it comes from now on; for the same people. */
export async function followLog(
  ctx: OperationContext,
  { raw, visitor, signal }: FollowRequest,
): Promise<AsyncIterable<LogLineView>> {
  await requirePermission(ctx, { operation: log, raw, rules: { unknown: "refuse" }, visitor });
  const { lines: _, ...filter } = parseArguments(log, raw, { unknown: "refuse" });
  return ctx.log.follow(logFilter(filter), signal);
}
