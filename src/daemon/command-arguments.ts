import { AppError } from "../runtime/index.ts";

/** Run a parser of command arguments; what it refuses becomes a USAGE error that shows how to call the command. */
export function parseCommandArguments<T>(usage: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new AppError({
      kind: "invalid",
      code: "USAGE",
      message: error instanceof Error ? error.message : "wrong arguments",
      hint: `Usage: ${usage}`,
    });
  }
}
