import { type Command, Option } from "commander";

interface DaemonCommandHelp {
  readonly name: string;
  readonly summary: string;
  /** After the name. */
  readonly usage: string;
  readonly options: readonly (readonly [flags: string, summary: string])[];
}

const HOME = ["--home <directory>", "home of the instance (default: /var/lib/mini-buildd)"] as const;

/** Commands that main.ts gives to the daemon, which parses them itself; here for help, man pages and completion. */
const DAEMON_COMMANDS: readonly DaemonCommandHelp[] = [
  {
    name: "serve",
    summary: "Run the daemon: uploads, builds, archive and web, in the foreground",
    usage: "[--home <directory>]",
    options: [HOME],
  },
  {
    name: "doctor",
    summary: "Look at what mini-buildd needs of this machine, and how to get what is missing",
    usage: "[--home <directory>] [--json]",
    options: [HOME, ["--json", "print the findings as JSON"]],
  },
  {
    name: "testbed",
    summary: "Run a command in a throw-away testbed; list, refresh, remake or remove layers",
    usage: "--distribution <name> [--install <package>]... [-- <command>...] | list | refresh | remake | remove",
    options: [
      HOME,
      ["--distribution <name>", "one of ours: its base, with it among APT's sources"],
      ["--install <package>", "install this first; may be given several times"],
    ],
  },
  {
    name: "debug-build",
    summary: "Open a shell in the testbed that a failed build has left; without a build, list what is kept",
    usage: "[<build>] [--root] [-- <command>...]",
    options: [HOME, ["--root", "as root, not as the user that built"]],
  },
  {
    name: "backup",
    summary:
      "Write all of a home that cannot be made again to one file, also while the daemon runs; restore it into an empty home",
    usage: "create|restore <file.tar[.gz|.xz|.zst]> [--home <directory>]",
    options: [HOME],
  },
];

export function addDaemonCommandHelp(program: Command): void {
  for (const { name, summary, usage, options } of DAEMON_COMMANDS) {
    const command = program.command(name).description(summary).usage(usage);
    for (const [flags, help] of options) command.addOption(new Option(flags, help));
  }
}
