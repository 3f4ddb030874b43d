import type { ArgumentsOf, Operation, Parameters } from "../operations/index.ts";
import type { OperationContext } from "./context.ts";
import type { Caller, Visitor } from "./visitor.ts";

/** An operation with the function that does it. */
export interface Implementation {
  readonly operation: Operation;
  run(ctx: OperationContext, args: Readonly<Record<string, unknown>>, caller: Caller, visitor: Visitor): Promise<unknown>;
}

type Run<P extends Parameters, R> = (
  ctx: OperationContext,
  args: ArgumentsOf<P>,
  caller: Caller,
  visitor: Visitor,
) => Promise<R> | R;

export function implement<P extends Parameters, R>(operation: Operation<P, R>, run: Run<P, R>): Implementation {
  return {
    operation,
    // The one caller (callOperation) passes what parseArguments made for this very operation.
    run: async (ctx, args, caller, visitor) => run(ctx, args as ArgumentsOf<P>, caller, visitor),
  };
}
