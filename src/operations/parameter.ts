import { z } from "zod";

/**
 * One argument of an operation. Its schema takes what any edge has: the text of a query or a command line, or a
 * JSON value. Lists are comma-joined text, flags the text `True`, as the original's clients send them; empty text
 * means "not given".
 */
export interface Parameter<Value = unknown> {
  readonly kind: "text" | "list" | "flag" | "integer";
  readonly summary: string;
  readonly schema: z.ZodType<Value>;
  readonly isRequired: boolean;
  /** On the command line: given by position, in the order of declaration. */
  readonly isPositional: boolean;
  /** One-letter command line option. */
  readonly short: string | undefined;
}

export type Parameters = Readonly<Record<string, Parameter>>;

/** The values an operation's implementation gets. */
export type ArgumentsOf<P extends Parameters> = {
  readonly [Name in keyof P]: P[Name] extends Parameter<infer Value> ? Value : never;
};

interface ParameterOptions {
  readonly positional?: true;
  readonly short?: string;
}

export function requiredText(summary: string, options: ParameterOptions = {}): Parameter<string> {
  return { ...common("text", summary, options), isRequired: true, schema: z.string().min(1) };
}

export function optionalText(summary: string, options: ParameterOptions = {}): Parameter<string | undefined> {
  return { ...common("text", summary, options), schema: z.preprocess(emptyAsUndefined, z.string().optional()) };
}

export function list(summary: string, options: ParameterOptions = {}): Parameter<readonly string[] | undefined> {
  return { ...common("list", summary, options), schema: z.preprocess(splitList, z.array(z.string().min(1)).optional()) };
}

/** At least one. */
export function requiredList(summary: string, options: ParameterOptions = {}): Parameter<readonly string[]> {
  const schema = z.preprocess(splitList, z.array(z.string().min(1)).min(1));
  return { ...common("list", summary, options), isRequired: true, schema };
}

export function flag(summary: string, options: ParameterOptions = {}): Parameter<boolean> {
  return { ...common("flag", summary, options), schema: z.preprocess(readFlag, z.boolean()) };
}

export interface IntegerOptions extends ParameterOptions {
  readonly default: number;
  readonly min: number;
  readonly max: number;
}

export function integer(summary: string, options: IntegerOptions): Parameter<number> {
  const schema = z.int().min(options.min).max(options.max).default(options.default);
  return { ...common("integer", summary, options), schema: z.preprocess(readInteger, schema) };
}

export function optionalInteger(summary: string, options: ParameterOptions = {}): Parameter<number | undefined> {
  return { ...common("integer", summary, options), schema: z.preprocess(readInteger, z.int().min(0).optional()) };
}

function common(kind: Parameter["kind"], summary: string, options: ParameterOptions): Omit<Parameter<never>, "schema"> {
  return { kind, summary, isRequired: false, isPositional: options.positional ?? false, short: options.short };
}

function emptyAsUndefined(value: unknown): unknown {
  return value === "" || value === null ? undefined : value;
}

function splitList(value: unknown): unknown {
  if (typeof value !== "string") return emptyAsUndefined(value);

  const items = value.split(",").map((item) => item.trim());
  return emptyAsUndefined(value) === undefined ? undefined : items.filter((item) => item !== "");
}

const FLAG_TEXTS: Readonly<Record<string, boolean>> = {
  true: true,
  "1": true,
  on: true,
  yes: true,
  false: false,
  "0": false,
  no: false,
};

function readFlag(value: unknown): unknown {
  if (emptyAsUndefined(value) === undefined) return false;
  return typeof value === "string" ? (FLAG_TEXTS[value.toLowerCase()] ?? value) : value;
}

function readInteger(value: unknown): unknown {
  if (typeof value !== "string") return emptyAsUndefined(value);
  return value === "" ? undefined : /^-?[0-9]+$/.test(value) ? Number(value) : value;
}
