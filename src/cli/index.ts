/**
 * cli: the command line for people: a client of an instance, over HTTP or through the socket in its home.
 *
 * Commands, arguments and help of operations come from `operations`; results are tables for people, JSON with --json.
 * It knows no database and no engine. Exit status: 0, or by the kind of error (2 wrong input, 3 not allowed, 4 not
 * found, 5 not now, 6 unavailable, 70 a defect), 1 when an upload was rejected or failed.
 */
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { operations } from "../operations/index.ts";
import { asAppError, errorChain } from "../runtime/index.ts";
import { addArchiveCommand } from "./archive-command.ts";
import { addCompletionCommands } from "./completion-command.ts";
import { addDaemonCommandHelp } from "./daemon-commands.ts";
import { addDputCommands } from "./dput-command.ts";
import { exitStatus } from "./exit-status.ts";
import { type HelpText, helpTexts } from "./help-texts.ts";
import { addLoginCommands } from "./login-command.ts";
import { makeCommandContext } from "./make-context.ts";
import { type ManPage, manPages } from "./man-page.ts";
import { addOperationCommand } from "./operation-command.ts";
import { printable } from "./table.ts";

const DEFAULT_HOME = "/var/lib/mini-buildd";

/** The original's command names, for what else looks at arguments. */
export { originalNames, translateOriginalName } from "./original-names.ts";

/** Run one command (arguments without program and script) to its end; sets process.exitCode. */
export async function runCommandLine(args: readonly string[]): Promise<void> {
  const interrupt = new AbortController();
  const stop = (): void => interrupt.abort();
  process.once("SIGINT", stop).once("SIGTERM", stop);

  const program = makeProgram(interrupt.signal);
  try {
    await program.parseAsync([...args], { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
    else if (!interrupt.signal.aborted) reportError(error);
    else process.exitCode = 130;
  } finally {
    process.off("SIGINT", stop).off("SIGTERM", stop);
  }
}

function makeProgram(signal: AbortSignal): Command {
  const program = new Command("mini-buildd")
    .description("Debian package build daemon with signed APT repositories")
    .version(programVersion(), "-V, --version")
    .option(
      "--endpoint <url>",
      "the instance: URL, host:port, or a host of dput.cf (default: MINI_BUILDD_ENDPOINT, client.toml, the one on this machine)",
    )
    .option("--home <directory>", "home of the instance on this machine", DEFAULT_HOME)
    .exitOverride()
    .showSuggestionAfterError();

  const ctx = makeCommandContext(() => program.opts<{ endpoint?: string; home: string }>(), signal);
  addDaemonCommandHelp(program);
  for (const operation of operations) addOperationCommand(program, operation, ctx);
  addDputCommands(program, ctx);
  addLoginCommands(program, ctx);
  addArchiveCommand(program, ctx);
  addCompletionCommands(program, ctx);
  return program;
}

/** What is told about the commands, for tools and tests. */
export function documentation(version = programVersion()): {
  readonly manPages: readonly ManPage[];
  readonly helpTexts: readonly HelpText[];
} {
  const program = makeProgram(new AbortController().signal);
  return { manPages: manPages(program, version), helpTexts: helpTexts(program) };
}

/** Tell an error to the person at the terminal; sets process.exitCode. */
export function reportError(thrown: unknown): void {
  const error = asAppError(thrown);
  const lines = [`error: ${error.message}`, ...(error.hint === undefined ? [] : [`  ${error.hint}`])];
  if (error.kind === "bug") lines.push(...errorChain(error.cause).map((message) => `  because: ${message}`));
  process.stderr.write(printable(`${lines.join("\n")}\n  (${error.code})\n`));
  process.exitCode = exitStatus(error);
}

/** Of package.json, which stands beside src/ and dist/. */
function programVersion(): string {
  const manifest = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}
