import { recordAudit } from "../accounts/index.ts";
import { isAllowed, type Operation } from "../operations/index.ts";
import { AppError } from "../runtime/index.ts";
import { loadUpload } from "../views/index.ts";
import type { Call } from "./call.ts";
import type { OperationContext } from "./context.ts";

/**
 * The one place that decides who may do what: the level of access, or the right in every repository that the arguments
 * speak of. Throws ACCESS_DENIED (unauthenticated, forbidden). What somebody with an account was refused is on the record.
 */
export async function requirePermission(ctx: OperationContext, call: Call): Promise<void> {
  const { operation, visitor } = call;
  const { permission, caller } = visitor;
  const isInScope = permission.operations === undefined || permission.operations.includes(operation.name);
  if (isInScope && (isAllowed(operation, permission.access) || (await hasRepositoryRight(ctx, call)))) return;

  if (caller.userId !== undefined && operation.changesState) {
    const entry = { actor: caller, act: operation.name, subject: {}, outcome: "refused", code: "ACCESS_DENIED" } as const;
    await ctx.accounts.database.transaction((tx) => recordAudit(tx, entry));
  }
  throw accessDenied(operation, caller.userId === undefined);
}

async function hasRepositoryRight(ctx: OperationContext, { operation, raw, visitor }: Call): Promise<boolean> {
  const wanted = operation.repositoryRight;
  if (wanted === undefined || visitor.permission.rights.length === 0) return false;

  const distributions: string[] = [];
  for (const name of wanted.distributions ?? []) distributions.push(...namesIn(raw[name]));
  if (wanted.upload !== undefined) distributions.push(...(await distributionOfUpload(ctx, raw[wanted.upload])));
  if (distributions.length === 0) return false;

  const held = visitor.permission.rights.filter(({ right }) => right === wanted.right).map(({ repositoryId }) => repositoryId);
  return distributions.every((distribution) => {
    const repositoryId = repositoryOf(ctx, distribution);
    return repositoryId !== undefined && held.includes(repositoryId);
  });
}

/** As parseArguments takes them: comma-joined text or a list. */
function namesIn(value: unknown): string[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.flatMap((each) => (typeof each === "string" ? each.split(",") : [])).filter((name) => name.trim() !== "");
}

/** A build key begins with the upload's id. */
async function distributionOfUpload(ctx: OperationContext, key: unknown): Promise<string[]> {
  if (typeof key !== "string") return [];
  const id = key.split("/").slice(0, 3).join("/");
  const upload = await loadUpload(ctx.views, id).catch(() => undefined);
  return upload === undefined ? [] : [upload.distribution];
}

function repositoryOf(ctx: OperationContext, distribution: string): string | undefined {
  const name = distribution.trim().replace(/-rollback[0-9]+$/, "");
  const repository = ctx.views.served().find(({ distributions }) => distributions.some((each) => each.name === name));
  return repository?.id;
}

function accessDenied(operation: Operation, isStranger: boolean): AppError {
  return new AppError({
    kind: isStranger ? "unauthenticated" : "forbidden",
    code: "ACCESS_DENIED",
    message: `API call '${operation.name}' needs authorization: ${operation.access.toUpperCase()}`,
    hint: isStranger
      ? "Log in at /accounts/login/ or send an API token; on the machine itself, its owner may do it: run mini-buildd there, as that user"
      : "Ask an administrator for the role, or for the right in this repository",
  });
}
