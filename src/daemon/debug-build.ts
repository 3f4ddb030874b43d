import { spawn } from "node:child_process";
import { stat } from "node:fs/promises";
import { constants } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { AppError, createLogger, minimalEnvironment, systemClock } from "../runtime/index.ts";
import { type KeptTestbed, type Session, Testbeds } from "../testbed/index.ts";
import { parseCommandArguments } from "./command-arguments.ts";
import { loadConfig } from "./config.ts";
import { homePaths } from "./home.ts";

const USAGE = "mini-buildd debug-build [BUILD] [--root] [--home DIRECTORY] [-- COMMAND ARGUMENT…]";
/** The user that builds in testbeds. */
const BUILD_USER = "sbuild";
/** Where the source package was unpacked; the name of the directory is the package's own. */
const GO_THERE = 'for place in /build/reproducible-path/*/ /build /; do cd "$place" 2> /dev/null && break; done; exec "$@"';

interface DebugArguments {
  readonly home: string;
  readonly build: string | undefined;
  readonly asRoot: boolean;
  /** Empty: a shell. */
  readonly command: readonly string[];
}

/**
 * `mini-buildd debug-build`: a shell, or a command, in the very testbed that a failed build has left; without a build, what
 * there is. For the user that the daemon runs as, whether that runs or not: the session is this process's own, ends with
 * it, and changes nothing of what is kept. Returns the command's exit status.
 */
export async function debugBuild(args: readonly string[]): Promise<number> {
  const given = parseArguments(args);
  await requireOwnHome(given.home);
  const { limits } = await loadConfig(given.home);
  const directory = homePaths(given.home).testbeds;
  const testbeds = await Testbeds.open({ directory, clock: systemClock, logger: createLogger("warn"), limits });
  try {
    const kept = await testbeds.listKept();
    if (given.build === undefined) return printKept(kept);

    const testbed = findKept(kept, given.build, { areKept: limits.failedTestbedAgeMsMax > 0 });
    await using session = await testbeds.startSession({ layers: testbed.layers, owner: `debug ${testbed.owner}` });
    const stopListening = testbeds.onLimitPassed(`debug ${testbed.owner}`, ({ message }) =>
      tell(`the testbed was ended because ${message}`),
    );
    greet(testbed, given);
    try {
      return await runInside(session, testbed, given);
    } finally {
      stopListening();
    }
  } finally {
    await testbeds.close();
  }
}

function parseArguments(args: readonly string[]): DebugArguments {
  return parseCommandArguments(USAGE, () => {
    const end = args.indexOf("--");
    const { values, positionals } = parseArgs({
      args: args.slice(0, end < 0 ? undefined : end),
      allowPositionals: true,
      options: { home: { type: "string", default: "/var/lib/mini-buildd" }, root: { type: "boolean", default: false } },
    });
    if (positionals.length > 1) throw new Error("one build at a time; a command comes after --");
    const command = end < 0 ? [] : args.slice(end + 1);
    if (positionals.length === 0 && command.length > 0) throw new Error("the build is missing");
    return { home: resolve(values.home), build: positionals[0], asRoot: values.root, command };
  });
}

/** Others have other subordinate ids, and may not look into its testbeds. */
async function requireOwnHome(home: string): Promise<void> {
  const owner = await stat(home).catch(() => undefined);
  if (owner === undefined) {
    const hint = "Say where the instance is: --home DIRECTORY";
    throw new AppError({ kind: "not-found", code: "HOME_EMPTY", message: `there is no ${home}`, hint });
  }
  if (owner.uid === process.getuid?.()) return;

  throw new AppError({
    kind: "forbidden",
    code: "HOME_OF_ANOTHER",
    message: `${home} belongs to the user with id ${owner.uid}, and so do its testbeds`,
    hint: `Run it as that user: sudo -u '#${owner.uid}' mini-buildd debug-build …`,
  });
}

function printKept(kept: readonly KeptTestbed[]): number {
  for (const { owner, expiresAt, sizeBytes } of kept)
    process.stdout.write(`${owner}  until ${expiresAt.toISOString().slice(0, 16)}Z  ${Math.ceil(sizeBytes / 1_000_000)} MB\n`);
  if (kept.length === 0) tell("no testbed of a failed build is kept");
  return 0;
}

/** By its whole name, or the beginning of it: an upload, a source package. The newest counts. */
function findKept(kept: readonly KeptTestbed[], build: string, { areKept }: { areKept: boolean }): KeptTestbed {
  const wanted = build.replace(/\/+$/, "");
  const isIt = ({ owner }: KeptTestbed): boolean =>
    owner === wanted || owner.startsWith(`${wanted}/`) || owner.startsWith(`${wanted}~`);
  const found = kept.findLast(({ owner }) => owner === wanted) ?? kept.findLast(isIt);
  if (found !== undefined) return found;

  const others = kept.map(({ owner }) => owner);
  throw new AppError({
    kind: "not-found",
    code: "TESTBED_NOT_KEPT",
    message: `the testbed of ${wanted} is not there`,
    hint: areKept
      ? `It did not fail in step build or checks, has expired, or had to give way to others; retry the build to have it again.${others.length === 0 ? "" : ` There are: ${others.join(", ")}`}`
      : "None are kept: set failedTestbedAgeMsMax in [limits] of etc/mini-buildd.toml, restart the daemon, and retry the build",
  });
}

function greet({ owner, expiresAt, command, environment }: KeptTestbed, { asRoot }: DebugArguments): void {
  tell(`the testbed of ${owner}, as its build left it; kept until ${expiresAt.toISOString().slice(0, 16)}Z`);
  tell(`you are ${asRoot ? "root" : `${BUILD_USER}, who built it`}; there is no network; what you change is gone when you leave`);
  const variables = Object.entries(environment).map(([name, value]) => `${name}='${value}' `);
  if (command !== "") tell(`to build again: ${variables.join("")}${command}`);
}

function runInside(session: Session, { environment }: KeptTestbed, { asRoot, command }: DebugArguments): Promise<number> {
  const asUser = asRoot ? [] : ["setpriv", `--reuid=${BUILD_USER}`, `--regid=${BUILD_USER}`, "--init-groups", "--"];
  const wanted = [...asUser, "sh", "-c", GO_THERE, "sh", ...(command.length > 0 ? command : ["bash"])];
  // A terminal of the testbed's own: nothing inside gets hold of the caller's.
  const isTerminal = process.stdin.isTTY && process.stdout.isTTY;
  const inside = isTerminal ? ["script", "--quiet", "--return", "--command", shellWords(wanted), "/dev/null"] : wanted;
  const variables = {
    ...environment,
    HOME: asRoot ? "/root" : "/sbuild-nonexistent",
    LC_ALL: "C.UTF-8",
    TERM: isTerminal ? "xterm" : "dumb",
  };
  const assignments = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  const [program, ...rest] = [...session.enterArguments("own"), "env", ...assignments, ...inside] as [string, ...string[]];
  const child = spawn(program, rest, { stdio: "inherit", env: minimalEnvironment() });
  // The terminal sends these to what runs inside, and it is for that to end.
  const ignore = (): void => {};
  process.on("SIGINT", ignore);
  return new Promise<number>((done, fail) => {
    child.once("error", fail);
    child.once("close", (code, signal) => {
      // It was killed, e.g. for passing a limit, and left the terminal as it used it.
      if (code === null && isTerminal) spawn("stty", ["sane"], { stdio: "inherit" });
      done(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  }).finally(() => process.off("SIGINT", ignore));
}

function shellWords(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
}

function tell(line: string): void {
  process.stderr.write(`== ${line}\n`);
}
