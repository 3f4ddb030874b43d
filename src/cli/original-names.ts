import { basename } from "node:path";
import { AppError } from "../runtime/index.ts";

/**
 * The original's programs, by the name this one was started with (package.json and the Debian package link them):
 * arguments as there, as far as the same thing exists here.
 */
const ORIGINAL_NAMES: Readonly<Record<string, (args: readonly string[]) => readonly string[]>> = {
  "mini-buildd-api": apiArguments,
  "mini-buildd-events": eventsArguments,
  "mini-buildd-dput": (args) => ["dput", ...args.filter((arg) => arg !== "--check-result" && arg !== "-C")],
  "mini-buildd-bootstrap-apt": (args) => endpointFirst("sources-list", args),
  "mini-buildd-super-portext": (args) => ["port-ext", ...args],
  "mini-buildd-debug-build": (args) => ["debug-build", ...args],
  "mini-buildd-backup": (args) => ["backup", "create", ...args],
  "mini-buildd-cruft": (args) => ["archive", "verify", ...args],
  "mini-buildd-internals": (args) => ["doctor", ...args],
  "mini-buildd-ssh-setup": () => gone("mini-buildd-ssh-setup", "Uploads over SSH need no setup: the server speaks SFTP itself"),
  "mini-buildd-ssh-uploader-command": () =>
    gone("mini-buildd-ssh-uploader-command", "Uploads over SSH need no command: the server speaks SFTP itself"),
  "mini-buildd-self-signed-certificate": () =>
    gone("mini-buildd-self-signed-certificate", "The server makes its own certificate when it has none"),
  "mini-buildd-import-08x": () =>
    gone("mini-buildd-import-08x", "Import packages with dput, into a repository that takes binaries"),
};

export const originalNames: readonly string[] = Object.keys(ORIGINAL_NAMES);

/** The arguments, whatever name the program was started with. Throws COMMAND_GONE (invalid). */
export function translateOriginalName(scriptPath: string | undefined, args: readonly string[]): readonly string[] {
  const name = basename(scriptPath ?? "");
  return ORIGINAL_NAMES[name]?.(args) ?? args;
}

/** `mini-buildd-api CALL ENDPOINT ARGUMENT…`, with options before and after. */
function apiArguments(args: readonly string[]): readonly string[] {
  const call = args.findIndex((arg) => !arg.startsWith("-"));
  if (call < 0) return args;
  return [...args.slice(0, call), ...endpointFirst(args[call] ?? "", args.slice(call + 1))];
}

function eventsArguments(args: readonly string[]): readonly string[] {
  return [...endpointFirst("events", args), "--follow"];
}

/** The original's clients have the endpoint as their first argument, ours as an option. */
function endpointFirst(command: string, args: readonly string[]): readonly string[] {
  const position = args.findIndex((arg) => !arg.startsWith("-"));
  const endpoint = args[position];
  if (endpoint === undefined) return [command, ...args];
  return ["--endpoint", endpoint, command, ...args.slice(0, position), ...args.slice(position + 1)];
}

function gone(name: string, hint: string): never {
  throw new AppError({ kind: "invalid", code: "COMMAND_GONE", message: `there is no ${name} here`, hint });
}
