import { parseArgs } from "node:util";

export interface BenchArguments {
  readonly rounds: number;
  readonly json: boolean;
  /** Names of what alone is to be measured; empty: everything. */
  readonly only: readonly string[];
  /** Those of the bench's own that are given. */
  readonly flags: readonly string[];
  /** What options of the bench's own that take a value are given. */
  readonly settings: Readonly<Record<string, string>>;
}

/**
 * `[--rounds N] [--only NAME]… [--json]`, and flags and settings of the bench's own. Ends the process with the usage when
 * they are wrong.
 */
export function benchArguments(
  usage: string,
  names: readonly string[] = [],
  flagNames: readonly string[] = [],
  settingNames: readonly string[] = [],
): BenchArguments {
  try {
    const { values } = parseArgs({
      options: {
        ...Object.fromEntries(flagNames.map((name) => [name, { type: "boolean" } as const])),
        ...Object.fromEntries(settingNames.map((name) => [name, { type: "string" } as const])),
        rounds: { type: "string", default: "5" },
        json: { type: "boolean", default: false },
        only: { type: "string", multiple: true, default: [] },
      },
    });
    const given: Readonly<Record<string, unknown>> = values;
    const rounds = Number(values.rounds);
    if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds takes a number, not ${values.rounds}`);
    const unknown = values.only.find((name) => !names.includes(name));
    if (unknown !== undefined) throw new Error(`--only takes ${names.join(" or ")}, not ${unknown}`);
    const flags = flagNames.filter((name) => given[name] === true);
    const settings = settingNames.flatMap((name) => (typeof given[name] === "string" ? [[name, given[name]] as const] : []));
    return { rounds, json: values.json, only: values.only, flags, settings: Object.fromEntries(settings) };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\nusage: ${usage}\n`);
    process.exit(2);
  }
}
