import type { z } from "zod";
import { AppError } from "../runtime/index.ts";
import type { ArgumentsOf, Parameters } from "./parameter.ts";

/** Lowest first: each level may do what those before it may. */
export const ACCESS_LEVELS = ["none", "login", "staff", "admin"] as const;
export type Access = (typeof ACCESS_LEVELS)[number];

/** What is told once and gives the original's call, the REST route, OpenAPI, the command and the tests. */
export interface Operation<P extends Parameters = Parameters, R = unknown> {
  /** As in the original where it has the call: `pub_key`. */
  readonly name: string;
  readonly summary: string;
  readonly access: Access;
  /** Changes something: POST on our own routes; the original's route wants `confirm=<name>`. */
  readonly changesState: boolean;
  /** Who has this right in all repositories that the arguments speak of may do it with less access. */
  readonly repositoryRight?: RepositoryRightRule | undefined;
  /** Its answer may come after minutes or hours: clients wait for it. */
  readonly mayTakeLong: boolean;
  readonly parameters: P;
  readonly result: z.ZodType<R>;
  /** Of a long list: the arguments that give what comes after this page; undefined: nothing does. */
  nextPage?(result: R, args: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> | undefined;
  /** An example of its arguments, for help and OpenAPI; all required ones are there. */
  readonly example: Readonly<Record<string, string>>;
}

export interface RepositoryRightRule {
  readonly right: "upload" | "migrate" | "manage";
  /** Names of the parameters that hold distributions. */
  readonly distributions?: readonly string[];
  /** Name of the parameter that holds an upload's id or a build key. */
  readonly upload?: string;
}

export interface OperationDefinition<P extends Parameters, R> {
  readonly name: string;
  readonly summary: string;
  readonly access: Access;
  readonly changesState?: true;
  readonly repositoryRight?: RepositoryRightRule;
  readonly mayTakeLong?: true;
  readonly parameters: P;
  readonly result: z.ZodType<R>;
  nextPage?(result: R, args: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> | undefined;
  readonly example?: Readonly<Record<string, string>>;
}

export function defineOperation<const P extends Parameters, R>(definition: OperationDefinition<P, R>): Operation<P, R> {
  const { changesState = false, mayTakeLong = false, example = {} } = definition;
  return { ...definition, changesState, mayTakeLong, example };
}

export type ArgumentsFor<O> = O extends Operation<infer P, infer _R> ? ArgumentsOf<P> : never;
export type ResultOf<O> = O extends Operation<infer _P, infer R> ? R : never;

export function isAllowed(operation: Operation, access: Access): boolean {
  return ACCESS_LEVELS.indexOf(access) >= ACCESS_LEVELS.indexOf(operation.access);
}

/** For lists that are newest first and take `before`: what is older than the last of a full page. */
export function pageBefore(
  page: readonly { readonly id: number }[],
  limit: unknown,
): Readonly<Record<string, string>> | undefined {
  const last = page.at(-1);
  return last === undefined || page.length !== limit ? undefined : { before: String(last.id) };
}

/** Path of the operation's own REST route: `/api/v1/` plus this. */
export function restPath(operation: Operation): string {
  return operation.name.replaceAll("_", "-");
}

export interface ArgumentRules {
  /** The original ignores arguments that it does not know; our own interfaces refuse them. */
  readonly unknown: "ignore" | "refuse";
}

/** Checked arguments of raw ones (query text, JSON). Throws ARGUMENT_MISSING, ARGUMENT_INVALID, ARGUMENT_UNKNOWN (invalid). */
export function parseArguments<P extends Parameters>(
  operation: Operation<P>,
  raw: Readonly<Record<string, unknown>>,
  rules: ArgumentRules,
): ArgumentsOf<P> {
  if (rules.unknown === "refuse") refuseUnknown(operation, raw);

  const values: Record<string, unknown> = {};
  for (const [name, parameter] of Object.entries(operation.parameters)) {
    const given = Object.hasOwn(raw, name) ? raw[name] : undefined;
    if (parameter.isRequired && (given === undefined || given === null || given === ""))
      throw missing(operation, name, parameter.summary);

    const parsed = parameter.schema.safeParse(given);
    if (!parsed.success) throw invalid(operation, name, given, parsed.error.issues[0]?.message ?? "wrong");
    values[name] = parsed.data;
  }
  return values as ArgumentsOf<P>;
}

function missing(operation: Operation, name: string, summary: string): AppError {
  return new AppError({
    kind: "invalid",
    code: "ARGUMENT_MISSING",
    message: `Missing required argument: ${name}`,
    hint: `'${operation.name}' needs ${name}: ${summary}`,
  });
}

function invalid(operation: Operation, name: string, given: unknown, reason: string): AppError {
  return new AppError({
    kind: "invalid",
    code: "ARGUMENT_INVALID",
    message: `Argument ${name} of '${operation.name}' is wrong: ${reason}`,
    hint: `Given was ${JSON.stringify(given)?.slice(0, 200)}; expected: ${operation.parameters[name]?.summary}`,
  });
}

function refuseUnknown(operation: Operation, raw: Readonly<Record<string, unknown>>): void {
  const known = Object.keys(operation.parameters);
  const unknown = Object.keys(raw).find((name) => !known.includes(name));
  if (unknown === undefined) return;

  throw new AppError({
    kind: "invalid",
    code: "ARGUMENT_UNKNOWN",
    message: `'${operation.name}' has no argument ${unknown.slice(0, 100)}`,
    hint: known.length === 0 ? "It takes none" : `It takes: ${known.join(", ")}`,
  });
}
