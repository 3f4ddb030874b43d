import { AppError } from "../runtime/index.ts";
import type { OperationContext } from "./context.ts";
import type { Caller } from "./visitor.ts";

/** Whose account it is about. Throws ACCOUNT_NEEDED (conflict). */
export function requireAccount(caller: Caller): number {
  if (caller.userId !== undefined) return caller.userId;

  throw new AppError({
    kind: "conflict",
    code: "ACCOUNT_NEEDED",
    message: `this is about an account, and ${caller.name} has none`,
    hint: "Log in, or send an API token of yours",
  });
}

/** Throws ROLE_UNKNOWN (invalid). */
export function requireOneOf<T extends string>(what: string, value: string, known: readonly T[]): T {
  const found = known.find((candidate) => candidate === value);
  if (found !== undefined) return found;

  throw new AppError({
    kind: "invalid",
    code: "ROLE_UNKNOWN",
    message: `${JSON.stringify(value.slice(0, 40))} is no ${what}`,
    hint: `It is one of: ${known.join(", ")}`,
  });
}

/** Throws REPOSITORY_NOT_FOUND (not-found). */
export function requireRepository(ctx: OperationContext, id: string): void {
  if (ctx.views.served().some((repository) => repository.id === id)) return;

  throw new AppError({
    kind: "not-found",
    code: "REPOSITORY_NOT_FOUND",
    message: `there is no repository ${id.slice(0, 100)}`,
    hint: "See the page of repositories",
  });
}
