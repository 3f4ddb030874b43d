import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import type { DatabaseLocation } from "../database/index.ts";
import { AppError, commandError, runCommand } from "../runtime/index.ts";
import type { Universe, UniverseRequest } from "./installability-universe.ts";

/** What the child reads from its standard input; where a database is may be a secret. */
export interface UniverseQuestion {
  readonly location: DatabaseLocation;
  readonly request: UniverseRequest;
}

const TIMEOUT_MS = 5 * 60_000;

/**
 * writeUniverse in a process of its own: a release's package lists take some 200 MB for a second, which a thread would
 * never give back. Throws INSTALLABILITY_FAILED (unavailable).
 */
export async function writeUniverseInChild(location: DatabaseLocation, request: UniverseRequest): Promise<Universe> {
  // Node runs the .ts from the sources and the .js from dist/.
  const program = fileURLToPath(new URL(`./installability-main${extname(import.meta.url)}`, import.meta.url));
  const question: UniverseQuestion = { location, request };
  const argv = [process.execPath, program] as const;
  const ended = await runCommand({ argv, input: JSON.stringify(question), timeoutMs: TIMEOUT_MS });
  if (ended.reason === "exited" && ended.exitCode === 0) return JSON.parse(ended.stdout.toString("utf8")) as Universe;

  throw new AppError({
    kind: "unavailable",
    code: "INSTALLABILITY_FAILED",
    message: "the packages to judge could not be gathered",
    hint: "Look at the cause in the daemon's log",
    cause: commandError(argv, ended),
  });
}
