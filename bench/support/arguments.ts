import { parseArgs } from "node:util";

export interface BenchArguments {
  readonly rounds: number;
  readonly json: boolean;
  /** Names of what alone is to be measured; empty: everything. */
  readonly only: readonly string[];
  /** Those of the bench's own that are given. */
  readonly flags: readonly string[];
}

/** `[--rounds N] [--only NAME]… [--json]`, and flags of the bench's own. Ends the process with the usage when they are wrong. */
export function benchArguments(usage: string, names: readonly string[] = [], flagNames: readonly string[] = []): BenchArguments {
  try {
    const { values } = parseArgs({
      options: {
        ...Object.fromEntries(flagNames.map((name) => [name, { type: "boolean" } as const])),
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
    return { rounds, json: values.json, only: values.only, flags: flagNames.filter((name) => given[name] === true) };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\nusage: ${usage}\n`);
    process.exit(2);
  }
}
