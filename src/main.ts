#!/usr/bin/env node
/** The command line's entry: commands of the daemon run here, all others are those of a client. Each loads only what it needs. */
import { AppError } from "./runtime/index.ts";

const NODE_MAJOR_MIN = 24;
const DAEMON_COMMANDS: readonly string[] = ["serve", "doctor", "testbed", "debug-build", "backup"];
/** As a shell tells of a program that SIGPIPE ended. */
const EXIT_BROKEN_PIPE = 141;

async function main(script: string | undefined, given: readonly string[]): Promise<void> {
  try {
    refuseOldNode();
    const args = isOriginalName(script) ? (await import("./cli/index.ts")).translateOriginalName(script, given) : given;
    const [name = ""] = args;
    const isDaemonCommand = DAEMON_COMMANDS.includes(name) && !asksForHelp(args);
    takeBrokenPipes({ endsProgram: !isDaemonCommand });
    if (isDaemonCommand) process.exitCode = await runDaemonCommand(name, args.slice(1));
    else await (await import("./cli/index.ts")).runCommandLine(args);
  } catch (error) {
    const { reportError } = await import("./cli/index.ts");
    reportError(error);
  }
}

/**
 * `… | head`: that nobody reads on is no error. Commands of the daemon go on to their end all the same: they hold sessions,
 * locks and files, and the daemon itself lives without a reader of its log.
 */
function takeBrokenPipes({ endsProgram }: { readonly endsProgram: boolean }): void {
  const onError = (error: NodeJS.ErrnoException): void => {
    if (error.code !== "EPIPE" && error.code !== "ECONNRESET") throw error;
    if (endsProgram) process.exit(EXIT_BROKEN_PIPE);
  };
  process.stdout.on("error", onError);
  process.stderr.on("error", onError);
}

/** Not of a program that is run in a testbed. */
function asksForHelp(args: readonly string[]): boolean {
  const own = args.includes("--") ? args.slice(0, args.indexOf("--")) : args;
  return own.includes("--help") || own.includes("-h");
}

async function runDaemonCommand(name: string, args: readonly string[]): Promise<number | undefined> {
  const { daemonCommands } = await import("./daemon/index.ts");
  return daemonCommands.find((command) => command.name === name)?.run(args);
}

function refuseOldNode(): void {
  if (Number(process.versions.node.split(".")[0]) >= NODE_MAJOR_MIN) return;

  throw new AppError({
    kind: "invalid",
    code: "NODE_TOO_OLD",
    message: `this is Node.js ${process.versions.node}, and mini-buildd needs ${NODE_MAJOR_MIN} or newer`,
    hint: "Run tools/setup, which installs one beside the program, or install Node.js 24",
  });
}

/** `mini-buildd-api` and friends: links to this program. */
function isOriginalName(script: string | undefined): boolean {
  return /\/mini-buildd-[\w-]+$/.test(script ?? "");
}

// bin/mini-buildd says how it was called: what it starts is always this file.
await main(process.env["MINI_BUILDD_PROGRAM"] ?? process.argv[1], process.argv.slice(2));
