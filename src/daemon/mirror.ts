import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { isAbsolute, join, relative, resolve } from "node:path";
import type { Catalog, DistributionTarget } from "../catalog/index.ts";
import type { MirrorRequest } from "../handlers/index.ts";
import { dearmorPublicKeys } from "../keyring/index.ts";
import { rollbackCount } from "../rules/index.ts";
import { AppError, runCommand } from "../runtime/index.ts";
import type { Foundation } from "./foundation.ts";
import { localUrl } from "./local-url.ts";

const TIMEOUT_MS = 24 * 60 * 60 * 1000;

/** A mirror whose directory is known to be one that may be made. */
export interface CheckedMirror extends MirrorRequest {
  readonly destination: string;
}

/** Throws DEBMIRROR_DESTINATION (invalid), DEBMIRROR_NOTHING (not-found). */
export function checkMirror({ config }: Pick<Foundation, "config">, catalog: Catalog, request: MirrorRequest): CheckedMirror {
  const destination = parseDestination(config, request.destination);
  const targets = chooseTargets(catalog, request);
  if (targets.length === 0) throw nothingChosen();
  present(targets, "architectures", request.architectures);
  present(targets, "components", request.components);
  return { ...request, destination };
}

export interface MirrorRun {
  /** Emptied before and after: what a killed run left there is gone then, too. */
  readonly scratchPath: string;
  readonly signal: AbortSignal;
  /** What debmirror says that it does. */
  readonly onProgress: (text: string) => void;
}

/**
 * With Debian's debmirror, from our own server: each repository in a directory of its name. What is not in the mirror
 * any more is removed there, so only certain directories are let be one. It goes on where an interrupted one was. Throws
 * what checkMirror throws, and DEBMIRROR_FAILED (unavailable).
 */
export async function makeMirror(
  foundation: Foundation,
  { catalog, request }: { readonly catalog: Catalog; readonly request: CheckedMirror },
  run: MirrorRun,
): Promise<void> {
  const { destination } = checkMirror(foundation, catalog, request);
  const chosen = Map.groupBy(chooseTargets(catalog, request), ({ repositoryId }) => repositoryId);
  const { scratchPath } = run;
  await rm(scratchPath, { recursive: true, force: true });
  await mkdir(scratchPath, { recursive: true });
  try {
    const keyringPath = join(scratchPath, "key.gpg");
    await writeFile(keyringPath, dearmorPublicKeys(foundation.key.armoredPublicKey()));
    for (const [repositoryId, targets] of chosen) {
      const path = join(destination, repositoryId);
      await mkdir(path, { recursive: true });
      await removeStaleLocks(path);
      await runDebmirror(foundation, { repositoryId, targets, path, keyringPath, request, ...run });
    }
  } finally {
    await rm(scratchPath, { recursive: true, force: true });
  }
}

function chooseTargets(catalog: Catalog, { repositories, codenames, suites }: MirrorRequest): DistributionTarget[] {
  const isChosen = (names: readonly string[] | undefined, name: string): boolean => names?.includes(name) !== false;
  return catalog
    .listDistributions()
    .filter(({ repositoryId, codename, suite }) =>
      [isChosen(repositories, repositoryId), isChosen(codenames, codename), isChosen(suites, suite.name)].every(Boolean),
    );
}

/**
 * A killed debmirror leaves its lock ("PID:HOST"), and the next one waits two minutes and gives up when another program
 * has that number now; in a container, which begins to count anew, one often has. One that names
 * nobody was not written to its end. Of another machine's process nothing can be known here.
 */
async function removeStaleLocks(path: string): Promise<void> {
  for (const name of await readdir(path)) {
    if (!name.startsWith("Archive-Update-in-Progress-")) continue;
    const [, pid, host] = /^(\d+):(\S+)$/m.exec(await readFile(join(path, name), "utf8")) ?? [];
    const isStale = pid === undefined || (host === hostname() && !(await isDebmirror(pid)));
    if (isStale) await rm(join(path, name), { force: true });
  }
}

async function isDebmirror(pid: string): Promise<boolean> {
  const commandLine = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return commandLine.includes("debmirror");
}

interface Mirror extends MirrorRun {
  readonly repositoryId: string;
  readonly targets: readonly DistributionTarget[];
  readonly path: string;
  readonly keyringPath: string;
  readonly request: MirrorRequest;
}

async function runDebmirror({ config }: Foundation, mirror: Mirror): Promise<void> {
  const { repositoryId, targets, path, keyringPath, scratchPath, request, signal, onProgress } = mirror;
  const { protocol, host } = new URL(localUrl(config));
  const ended = await runCommand({
    argv: [
      // A killed instance leaves none behind that goes on beside the next one's.
      "setpriv",
      "--pdeathsig=KILL",
      "debmirror",
      `--method=${protocol.replace(":", "")}`,
      `--host=${host}`,
      `--root=repositories/${repositoryId}`,
      `--dist=${distributionNames(targets, request.rollbacks).join(",")}`,
      `--arch=${present(targets, "architectures", request.architectures).join(",")}`,
      `--section=${present(targets, "components", request.components).join(",")}`,
      `--keyring=${keyringPath}`,
      "--diff=none",
      "--rsync-extra=none",
      "--omit-suite-symlinks",
      "--verbose",
      path,
    ],
    // Its configuration file and that of gpgv are nobody's.
    env: { HOME: scratchPath, GNUPGHOME: scratchPath },
    timeoutMs: TIMEOUT_MS,
    signal,
    onOutput: (chunk) => tellLastLine(chunk, (line) => onProgress(`${repositoryId}: ${line}`)),
    outputBytesMax: 16 * 1024 ** 2,
    keepTail: true,
  });
  if (ended.reason === "exited" && ended.exitCode === 0) return;
  throw mirrorFailed(repositoryId, `${ended.stdout.toString("utf8")}\n${ended.stderr.toString("utf8")}`);
}

const LINE_LENGTH_MAX = 200;

/** "[ 42%] Getting: pool/main/h/hello/hello_1.0.dsc... ok" */
function tellLastLine(chunk: Uint8Array, tell: (line: string) => void): void {
  const lines = Buffer.from(chunk)
    .toString("utf8")
    .split(/[\r\n]/);
  const line = lines.findLast((each) => each.startsWith("[") || each.startsWith("Getting") || each.startsWith("Cleanup"));
  if (line !== undefined) tell(line.slice(0, LINE_LENGTH_MAX));
}

function distributionNames(targets: readonly DistributionTarget[], rollbacks: number): string[] {
  return targets.flatMap(({ name, suite }) => {
    const views = Array.from({ length: Math.min(rollbacks, rollbackCount(suite)) }, (_, number) => `${name}-rollback${number}`);
    return [name, ...views];
  });
}

/** What the distributions have of what is asked for: the original's clients ask for all that Debian knows. */
function present(
  targets: readonly DistributionTarget[],
  what: "architectures" | "components",
  asked: readonly string[] | undefined,
): string[] {
  const there = targets.flatMap((target) =>
    what === "components" ? [...target.components] : target.architectures.map(({ name }) => name),
  );
  const chosen = [...new Set(there)].filter((name) => asked?.includes(name) !== false);
  if (chosen.length > 0) return chosen;
  throw nothingChosen();
}

/** Below HOME/debmirror, or below a directory that the configuration names: what is there may be deleted. */
function parseDestination(config: Foundation["config"], given: string | undefined): string {
  const own = join(config.home, "debmirror");
  const path = resolve(own, given ?? ".");
  const isInside = [own, ...config.mirrors.destinations].some((root) => {
    const below = relative(root, path);
    return below !== ".." && !below.startsWith("../") && !isAbsolute(below);
  });
  if (isInside && !/[\0\r\n]/.test(path)) return path;

  throw new AppError({
    kind: "invalid",
    code: "DEBMIRROR_DESTINATION",
    message: `${path.slice(0, 500)} may not be a mirror: what is there would be deleted`,
    hint: `Name a directory below ${own}, or allow another one: [mirrors] destinations in etc/mini-buildd.toml`,
  });
}

function nothingChosen(): AppError {
  return new AppError({
    kind: "not-found",
    code: "DEBMIRROR_NOTHING",
    message: "no distribution has what is asked for",
    hint: "`mini-buildd status --with-repositories` shows what is here",
  });
}

function mirrorFailed(repositoryId: string, output: string): AppError {
  const lines = output.trim().split("\n");
  return new AppError({
    kind: "unavailable",
    code: "DEBMIRROR_FAILED",
    message: `debmirror of repository ${repositoryId} failed: ${lines.slice(-3).join("; ").slice(0, 500)}`,
    hint: "Install debmirror if it is not there, look whether the disk is full, and and at its output in the log: it goes on where it was",
    facts: { output: lines.slice(-40) },
  });
}
