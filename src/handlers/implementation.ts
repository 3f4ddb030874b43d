import type { ArgumentsOf, Operation, Parameters } from "../operations/index.ts";
import type { Caller, OperationContext } from "./context.ts";

/** An operation with the function that does it. */
export interface Implementation {
  readonly operation: Operation;
  run(ctx: OperationContext, args: Readonly<Record<string, unknown>>, caller: Caller): Promise<unknown>;
}

type Run<P extends Parameters, R> = (ctx: OperationContext, args: ArgumentsOf<P>, caller: Caller) => Promise<R> | R;

export function implement<P extends Parameters, R>(operation: Operation<P, R>, run: Run<P, R>): Implementation {
  return {
    operation,
    // The one caller (callOperation) passes what parseArguments made for this very operation.
    run: async (ctx, args, caller) => run(ctx, args as ArgumentsOf<P>, caller),
  };
}
