import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { parseCommandArguments } from "./command-arguments.ts";
import { loadFrugally } from "./load-frugally.ts";

/** A command that runs in this process instead of asking a running daemon. */
export interface DaemonCommand {
  readonly name: string;
  /** Resolves with the exit status; throws AppErrors. */
  readonly run: (args: readonly string[]) => Promise<number>;
}

/** Each loads its own modules when it runs: doctor must work where the daemon does not. */
export const daemonCommands: readonly DaemonCommand[] = [
  { name: "serve", run: async (args) => (await loadFrugally(() => import("./serve.ts"))).serve(parseServe(args)) },
  { name: "doctor", run: async (args) => (await import("./doctor/index.ts")).runDoctor(args) },
  { name: "backup", run: async (args) => (await import("./backup/index.ts")).runBackup(args) },
  { name: "debug-build", run: async (args) => (await import("./debug-build.ts")).debugBuild(args) },
  { name: "testbed", run: async (args) => (await import("./testbed-command.ts")).runInTestbed(args) },
];

function parseServe(args: readonly string[]): string {
  const options = { home: { type: "string", default: "/var/lib/mini-buildd" } } as const;
  return parseCommandArguments("mini-buildd serve [--home DIRECTORY]", () =>
    resolve(parseArgs({ args: [...args], options }).values.home),
  );
}
