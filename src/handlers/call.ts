import { type Access, type ArgumentRules, isAllowed, type Operation, parseArguments } from "../operations/index.ts";
import { AppError, assert } from "../runtime/index.ts";
import type { Caller, OperationContext } from "./context.ts";
import { implementations } from "./implementations.ts";

export interface Call {
  readonly operation: Operation;
  /** Query text or JSON values, not checked yet. */
  readonly raw: Readonly<Record<string, unknown>>;
  readonly rules: ArgumentRules;
  readonly access: Access;
  readonly caller: Caller;
}

/** The one way to an operation, for every edge: permission, then arguments, then the act. */
export async function callOperation(ctx: OperationContext, call: Call): Promise<unknown> {
  const { operation } = call;
  if (!isAllowed(operation, call.access)) throw accessDenied(operation, call.access);

  const implementation = implementations.find((candidate) => candidate.operation.name === operation.name);
  assert(implementation !== undefined, `operation ${operation.name} has no implementation`);
  return implementation.run(ctx, parseArguments(operation, call.raw, call.rules), call.caller);
}

function accessDenied(operation: Operation, access: Access): AppError {
  return new AppError({
    kind: access === "none" ? "unauthenticated" : "forbidden",
    code: "ACCESS_DENIED",
    message: `API call '${operation.name}' needs authorization: ${operation.access.toUpperCase()}`,
    hint: "On the machine itself, its owner may do it through the control socket: run mini-buildd there, as that user",
  });
}
