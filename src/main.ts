#!/usr/bin/env node
/** The command line's entry: commands of the daemon run here, all others are those of a client. Each loads only what it needs. */
import { AppError } from "./runtime/index.ts";

const NODE_MAJOR_MIN = 24;
const DAEMON_COMMANDS: readonly string[] = ["serve", "doctor", "testbed"];

async function main(args: readonly string[]): Promise<void> {
  const { reportError, runCommandLine } = await import("./cli/index.ts");
  try {
    refuseOldNode();
    if (!DAEMON_COMMANDS.includes(args[0] ?? "")) return await runCommandLine(args);

    const { daemonCommands } = await import("./daemon/index.ts");
    const command = daemonCommands.find(({ name }) => name === args[0]);
    process.exitCode = await command?.run(args.slice(1));
  } catch (error) {
    reportError(error);
  }
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

await main(process.argv.slice(2));
