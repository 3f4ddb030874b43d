import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { AppError } from "../../runtime/index.ts";
import { parseCommandArguments } from "../command-arguments.ts";
import { createBackup } from "./create.ts";
import { restoreBackup } from "./restore.ts";

const USAGE = "mini-buildd backup create|restore FILE.tar[.gz|.xz|.zst] [--home DIRECTORY]";

/** `mini-buildd backup`: all of a home that cannot be made again, in one file; also while the daemon runs. */
export async function runBackup(args: readonly string[]): Promise<number> {
  const { act, file, home } = parseCommandArguments(USAGE, () => parse(args));
  const summary = act === "create" ? await createBackup({ home, file }) : await restoreBackup({ home, file });
  process.stdout.write(summary);
  return 0;
}

interface BackupArguments {
  readonly act: "create" | "restore";
  readonly file: string;
  readonly home: string;
}

function parse(args: readonly string[]): BackupArguments {
  const options = { home: { type: "string", default: "/var/lib/mini-buildd" } } as const;
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
  const [act, file, ...more] = positionals;
  if ((act !== "create" && act !== "restore") || file === undefined || more.length > 0) {
    throw new AppError({ kind: "invalid", code: "USAGE", message: "create or restore, and one file", hint: `Usage: ${USAGE}` });
  }
  return { act, file: resolve(file), home: resolve(values.home) };
}
