import { AppError, commandError } from "../runtime/index.ts";
import type { DependencyContext } from "./dependency-layer.ts";
import type { Bind } from "./holder.ts";
import { type InstallPlan, type PlannedPackage, planArguments } from "./install-plan.ts";
import type { LayerStore } from "./layer-store.ts";
import { fetchOptions, mirrorUnavailable, RESOLVER_BINDS, sourceBinds } from "./lists-layer.ts";
import type { Session } from "./session.ts";
import type { DependencyLayerRequest, Layer } from "./types.ts";

/** What sbuild's AptResolver gives to apt-get: the result shall be the same. */
export const SBUILD_APT_OPTIONS = [
  "-y",
  "-q",
  "--purge",
  "--option=DPkg::Options::=--force-confold",
  "--option=DPkg::Options::=--refuse-remove-essential",
  "--option=APT::Install-Recommends=false",
  "--option=Dpkg::Use-Pty=false",
] as const;

/** Downloaded packages, shared by all layers; only sessions that run nothing but apt may write to it. */
export const ARCHIVES_NAME = "archives";
const ARCHIVES_PATH = "/var/cache/apt/archives";
export const ARCHIVES_READABLE: Bind = { source: ARCHIVES_NAME, target: ARCHIVES_PATH, access: "ro" };
const ARCHIVES_WRITABLE: Bind = { source: ARCHIVES_NAME, target: ARCHIVES_PATH, access: "rw" };

const FETCH_TIMEOUT_MS = 60 * 60 * 1000;
const INSTALL_TIMEOUT_MS = 60 * 60 * 1000;

/**
 * Network, and therefore nothing but the base layer's apt: it downloads the planned files by their addresses and
 * checks their hashes. Not on the layers above: those have run maintainer scripts.
 */
export async function fetchPackages(
  context: DependencyContext,
  request: DependencyLayerRequest,
  plan: InstallPlan,
  lists: Layer,
): Promise<void> {
  const { store, open } = context;
  await store.asTestbedRoot(["mkdir", "-p", `${ARCHIVES_NAME}/partial`]);
  const missing = await missingPackages(store, plan);
  if (missing.length === 0) return;

  request.onProgress?.(`downloading ${missing.length} packages`);
  const session = await open([lists.id, request.base.id], { network: "host", binds: [...RESOLVER_BINDS, ARCHIVES_WRITABLE] });
  try {
    const downloads = missing.flatMap(({ uri, archiveName, sha256 }) => [
      uri,
      `${ARCHIVES_PATH}/${archiveName}`,
      `SHA256:${sha256}`,
    ]);
    const ended = await session.run({
      argv: ["/usr/lib/apt/apt-helper", ...(await fetchOptions()), "download-file", ...downloads],
      timeoutMs: FETCH_TIMEOUT_MS,
      signal: request.signal,
      onOutput: request.onOutput,
      keepTail: true,
    });
    request.signal?.throwIfAborted();
    if (ended.exitCode !== 0) throw mirrorUnavailable("packages could not be downloaded", ended);
  } finally {
    await session.close();
  }
}

/**
 * The packages that are not there with the planned content. Checked again, as apt looks at a downloaded file's size
 * only when it installs it, and two archives may have packages of one name and version. What differs is deleted; what is there
 * counts as used now.
 */
async function missingPackages(store: LayerStore, plan: InstallPlan): Promise<PlannedPackage[]> {
  const fetched = plan.install.filter(({ archiveName }) => archiveName !== undefined);
  // No cd: dash goes by the absolute path, which is closed to these ids.
  const script = `while read -r sum name; do
      [ "$(sha256sum < "${ARCHIVES_NAME}/$name")" = "$sum  -" ] && touch -a "${ARCHIVES_NAME}/$name" || { rm -f -- "${ARCHIVES_NAME}/$name"; echo "$name"; }
    done`;
  const sums = fetched.map(({ archiveName, sha256 }) => `${sha256} ${archiveName}\n`).join("");
  const ended = await store.asTestbedRoot(["sh", "-c", script], { input: sums });
  const missing = new Set(ended.stdout.toString("utf8").split("\n"));
  return fetched.filter(({ archiveName }) => missing.has(archiveName ?? ""));
}

/** Where a fetched package is in sessions that see the archive directory; one of a `file:` source is in that. */
export function packagePath({ archiveName, uri }: PlannedPackage): string {
  return archiveName === undefined ? decodeURIComponent(new URL(uri).pathname) : `${ARCHIVES_PATH}/${archiveName}`;
}

/** The layer with what was installed. */
export async function installPackages(
  context: DependencyContext,
  request: DependencyLayerRequest,
  plan: InstallPlan,
  stack: readonly string[],
  layer: { id: string; below: readonly string[]; description: string },
): Promise<Layer> {
  const { codename, architecture } = request.base;
  const { id, description, below } = layer;
  return withInstalled(context, request, plan, stack, (treePath) =>
    context.store.commit(treePath, { id, kind: "dependencies", codename, architecture, description, on: below }),
  );
}

/**
 * No network: maintainer scripts run here. `use` gets the path, below the store, of the tree that an install makes; it
 * may take the tree away, and what it leaves is removed.
 */
export async function withInstalled<T>(
  { open, store }: Pick<DependencyContext, "open" | "store">,
  request: Pick<DependencyLayerRequest, "sources" | "signal" | "onOutput" | "onProgress">,
  plan: InstallPlan,
  stack: readonly string[],
  use: (treePath: string) => Promise<T>,
): Promise<T> {
  request.onProgress?.(`installing ${plan.install.length} packages`);
  const session = await open(stack, { network: "none", binds: [ARCHIVES_READABLE, ...(await sourceBinds(request.sources))] });
  try {
    await runInstall(session, request, plan);
    await session.closeKeepingChanges();
    return await use(`${session.id}/upper`);
  } finally {
    await session.close();
    await store.removeTree(session.id);
  }
}

async function runInstall(
  session: Session,
  request: Pick<DependencyLayerRequest, "signal" | "onOutput">,
  plan: InstallPlan,
): Promise<void> {
  const ended = await session.run({
    argv: [
      "apt-get",
      ...SBUILD_APT_OPTIONS,
      "--allow-downgrades",
      // Everything is there, and there is no network. Not --no-download: with it apt 2.6 finds no file: packages.
      // The archive directory cannot be written, so neither locked; the session is this command's alone.
      "--option=Debug::NoLocking=true",
      "--option=DPkg::Options::=--force-unsafe-io",
      "install",
      ...planArguments(plan),
    ],
    env: { DEBIAN_FRONTEND: "noninteractive", DEBCONF_NONINTERACTIVE_SEEN: "true" },
    timeoutMs: INSTALL_TIMEOUT_MS,
    signal: request.signal,
    onOutput: request.onOutput,
    keepTail: true,
  });
  request.signal?.throwIfAborted();
  if (ended.exitCode !== 0) throw installFailed(ended.reason, commandError(["apt-get"], ended).cause);
  await session.runChecked({ argv: ["sh", "-c", "rm -rf --one-file-system /var/cache/apt/*.bin /tmp/* /var/tmp/* || :"] });
}

function installFailed(reason: string, cause: unknown): AppError {
  return new AppError({
    kind: "invalid",
    code: "BUILD_DEPENDS_NOT_INSTALLABLE",
    message: `the build dependencies cannot be installed (apt-get ${reason})`,
    hint: "Look at the log: a maintainer script failed, perhaps because it wants a network, which it has not got",
    cause,
  });
}
