import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { isAbsolute, join, relative, resolve } from "node:path";
import type { Catalog, DistributionTarget } from "../catalog/index.ts";
import type { MirrorRequest } from "../handlers/index.ts";
import { dearmorPublicKeys } from "../keyring/index.ts";
import { rollbackCount } from "../rules/index.ts";
import { AppError, runCommand } from "../runtime/index.ts";
import type { Foundation } from "./foundation.ts";
import { localUrl } from "./local-url.ts";

const TIMEOUT_MS = 24 * 60 * 60 * 1000;

/**
 * With Debian's debmirror, from our own server: each repository in a directory of its name. What is not in the mirror
 * any more is removed there, so only certain directories are let be one. Throws DEBMIRROR_DESTINATION (invalid),
 * DEBMIRROR_NOTHING (not-found), DEBMIRROR_RUNNING (conflict), DEBMIRROR_FAILED (unavailable).
 */
export async function mirrorRepositories(
  foundation: Foundation,
  { catalog, beingMade: made }: { readonly catalog: Catalog; readonly beingMade: Set<string> },
  request: MirrorRequest,
): Promise<void> {
  const destination = parseDestination(foundation, request.destination);
  const chosen = Map.groupBy(chooseTargets(catalog, request), ({ repositoryId }) => repositoryId);
  if (chosen.size === 0) throw nothingChosen();

  // debmirror has its own lock, and waits for it in silence.
  if (made.has(destination)) throw alreadyRunning(destination);
  made.add(destination);
  const scratchPath = await mkdtemp(join(tmpdir(), "mini-buildd-mirror-"));
  try {
    const keyringPath = join(scratchPath, "key.gpg");
    await writeFile(keyringPath, dearmorPublicKeys(foundation.key.armoredPublicKey()));
    for (const [repositoryId, targets] of chosen) {
      const path = join(destination, repositoryId);
      await mkdir(path, { recursive: true });
      await runDebmirror(foundation, { repositoryId, targets, path, keyringPath, scratchPath, request });
    }
  } finally {
    made.delete(destination);
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

interface Mirror {
  readonly repositoryId: string;
  readonly targets: readonly DistributionTarget[];
  readonly path: string;
  readonly keyringPath: string;
  readonly scratchPath: string;
  readonly request: MirrorRequest;
}

async function runDebmirror({ config }: Foundation, mirror: Mirror): Promise<void> {
  const { repositoryId, targets, path, keyringPath, scratchPath, request } = mirror;
  const { protocol, host } = new URL(localUrl(config));
  const ended = await runCommand({
    argv: [
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
      path,
    ],
    // Its configuration file and that of gpgv are nobody's.
    env: { HOME: scratchPath, GNUPGHOME: scratchPath },
    timeoutMs: TIMEOUT_MS,
    outputBytesMax: 16 * 1024 ** 2,
    keepTail: true,
  });
  if (ended.reason === "exited" && ended.exitCode === 0) return;
  throw mirrorFailed(repositoryId, `${ended.stdout.toString("utf8")}\n${ended.stderr.toString("utf8")}`);
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
function parseDestination({ config }: Foundation, given: string | undefined): string {
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

function alreadyRunning(destination: string): AppError {
  return new AppError({
    kind: "conflict",
    code: "DEBMIRROR_RUNNING",
    message: `the mirror in ${destination} is being made already`,
    hint: "Wait until that has ended",
  });
}

function mirrorFailed(repositoryId: string, output: string): AppError {
  const lines = output.trim().split("\n");
  return new AppError({
    kind: "unavailable",
    code: "DEBMIRROR_FAILED",
    message: `debmirror of repository ${repositoryId} failed: ${lines.slice(-3).join("; ").slice(0, 500)}`,
    hint: "Install debmirror if it is not there, look whether the disk is full, and call it again: it goes on where it was",
    facts: { output: lines.slice(-40) },
  });
}
