import { createHash } from "node:crypto";
import type { OrderAptSource } from "../buildorder/index.ts";
import { AppError, type Clock, commandError, type EndedCommand } from "../runtime/index.ts";
import { withFileLock } from "./file-lock.ts";
import type { Bind } from "./holder.ts";
import { type AptFiles, aptFiles, hostAcquireOptions } from "./host-apt.ts";
import type { LayerStore } from "./layer-store.ts";
import type { Session } from "./session.ts";
import type { Layer, LayerMakingOptions } from "./types.ts";

/** Opens sessions with what only layer making needs; `Testbeds` gives it. */
export type OpenSession = (
  layers: readonly string[],
  options: { network: "none" | "host"; binds: readonly Bind[] },
) => Promise<Session>;

export interface ListsRequest extends LayerMakingOptions {
  readonly base: Layer;
  readonly sources: readonly OrderAptSource[];
  readonly ageMsMax: number;
  /** Refresh even when young: a download said that the lists are out of date. */
  readonly isStale?: boolean | undefined;
}

interface ListsNote {
  readonly layerId: string;
  readonly refreshedAt: string;
  readonly revisions: readonly (string | null)[];
}

const UPDATE_TIMEOUT_MS = 15 * 60 * 1000;

/**
 * The layer with apt's sources, keys, pins and package lists on a base. Refreshed when older than `ageMsMax` or when
 * the revision of a source changed; nothing is downloaded when neither is so, and the layer stays the same one when
 * the archives did not change.
 */
export async function ensureLists(store: LayerStore, clock: Clock, open: OpenSession, request: ListsRequest): Promise<Layer> {
  const apt = await aptFiles(request.sources);
  const noteName = `lists-${digest([request.base.id, ...[...apt.files].map(([path, content]) => [path, String(content)])])}`;
  const before = await currentLists(store, clock, noteName, request);
  if (before.isFresh && request.isStale !== true) return store.markUsed(before.layer);

  return withFileLock(store.lockPath(noteName), request.signal, async () => {
    const current = await currentLists(store, clock, noteName, request);
    // Somebody else may have refreshed them while we waited.
    if (current.isFresh && current.refreshedAt !== before.refreshedAt) return store.markUsed(current.layer);

    request.onProgress?.("refreshing package lists");
    const refreshedAt = clock.now().toISOString();
    const layer = await refresh(store, open, request, apt, current.layer);
    await store.writeNote(noteName, { layerId: layer.id, refreshedAt, revisions: revisionsOf(request) } satisfies ListsNote);
    return layer;
  });
}

type CurrentLists =
  | { readonly isFresh: true; readonly layer: Layer; readonly refreshedAt: string }
  | { readonly isFresh: false; readonly layer?: Layer | undefined; readonly refreshedAt?: string | undefined };

async function currentLists(store: LayerStore, clock: Clock, noteName: string, request: ListsRequest): Promise<CurrentLists> {
  const note = await store.readNote<ListsNote>(noteName);
  if (note === undefined) return { isFresh: false };

  const { layerId, refreshedAt, revisions } = note;
  const layer = await store.find(layerId);
  const ageMs = clock.now().getTime() - new Date(refreshedAt).getTime();
  const isYoung = ageMs >= 0 && ageMs <= request.ageMsMax;
  const isSameRevision = JSON.stringify(revisions) === JSON.stringify(revisionsOf(request));
  return layer !== undefined && isYoung && isSameRevision
    ? { isFresh: true, layer, refreshedAt }
    : { isFresh: false, layer, refreshedAt };
}

function revisionsOf(request: ListsRequest): (string | null)[] {
  return request.sources.map((source) => source.revision ?? null);
}

/** The host's directories that `file:` sources are in, at the same path inside. */
export async function sourceBinds(sources: readonly OrderAptSource[]): Promise<Bind[]> {
  const { hostDirectories } = await aptFiles(sources);
  return hostDirectories.map((directory) => ({ source: directory, target: directory, access: "ro" }));
}

/** To fetch by name: the host's resolver configuration, without a trace in the layer. */
export const RESOLVER_BINDS: readonly Bind[] = [
  { source: "/etc/resolv.conf", target: "/etc/resolv.conf", access: "ro" },
  { source: "/etc/hosts", target: "/etc/hosts", access: "ro" },
];

/** apt's arguments to fetch as the host does; a source that cannot be read is an error, not a warning. */
export async function fetchOptions(): Promise<string[]> {
  return [...(await hostAcquireOptions()), "Acquire::Languages=none", "APT::Update::Error-Mode=any"].flatMap((option) => [
    "-o",
    option,
  ]);
}

async function refresh(
  store: LayerStore,
  open: OpenSession,
  request: ListsRequest,
  apt: AptFiles,
  previous: Layer | undefined,
): Promise<Layer> {
  const { base, signal, onOutput } = request;
  const below = previous === undefined ? [base.id] : [previous.id, base.id];
  const session = await open(below, { network: "host", binds: [...RESOLVER_BINDS, ...(await sourceBinds(request.sources))] });
  try {
    await writeFiles(session, apt.files);
    const argv = ["apt-get", "-q", ...(await fetchOptions()), "update"] as [string, ...string[]];
    const ended = await session.run({ argv, timeoutMs: UPDATE_TIMEOUT_MS, signal, onOutput, keepTail: true });
    signal?.throwIfAborted();
    if (ended.exitCode !== 0) throw mirrorUnavailable("package lists could not be downloaded", ended);

    const id = `lists-${await listsDigest(session, base, apt)}`;
    const same = await store.find(id);
    if (same !== undefined) return await store.markUsed(same);
    return await keepLists(store, session, request, id);
  } finally {
    await session.close();
  }
}

/** The new layer stands on the base alone, or each refresh would add one to the stack: hence the copy of what is kept. */
async function keepLists(store: LayerStore, session: Session, request: ListsRequest, id: string): Promise<Layer> {
  const { base } = request;
  const script = `
    rm -rf /var/lib/apt/lists/lock /var/lib/apt/lists/partial/* /var/lib/apt/lists/auxfiles /mini-buildd-lists
    mkdir -p /mini-buildd-lists/var/lib/apt /mini-buildd-lists/var/cache/apt /mini-buildd-lists/etc
    cp -a /var/lib/apt/lists /mini-buildd-lists/var/lib/apt/
    cp -a /var/cache/apt/pkgcache.bin /var/cache/apt/srcpkgcache.bin /mini-buildd-lists/var/cache/apt/ || true
    cp -a /etc/apt /mini-buildd-lists/etc/`;
  await session.runChecked({ argv: ["sh", "-ec", script] });
  await session.closeKeepingChanges();
  try {
    const { codename, architecture } = base;
    const description = `package lists of ${request.sources.map((source) => source.name).join(", ")}`;
    const layer = { id, kind: "lists" as const, codename, architecture, description, on: [base.id] };
    return await store.commit(`${session.id}/upper/mini-buildd-lists`, layer);
  } finally {
    await store.removeTree(session.id);
  }
}

async function writeFiles(session: Session, files: AptFiles["files"]): Promise<void> {
  await session.runChecked({
    argv: ["sh", "-c", "rm -rf /etc/apt/sources.list.d/* /etc/apt/preferences.d/* /etc/apt/keyrings/*"],
  });
  for (const [path, content] of files) {
    await session.runChecked({ argv: ["sh", "-c", 'cat > "$1"', "sh", path], input: content });
  }
}

/** Release files name the hashes of all lists: they say which content this is. */
async function listsDigest(session: Session, base: Layer, apt: AptFiles): Promise<string> {
  const ended = await session.runChecked({
    argv: ["sh", "-ec", "cd /var/lib/apt/lists; find . -type f -name '*Release' | LC_ALL=C sort | xargs -r sha256sum"],
  });
  return digest([base.id, ended.stdout.toString("utf8"), ...[...apt.files].map(([path, content]) => [path, String(content)])]);
}

export function mirrorUnavailable(what: string, ended: EndedCommand): AppError {
  return new AppError({
    kind: "unavailable",
    code: "MIRROR_UNAVAILABLE",
    message: what,
    hint: "Check that the archive source can be reached; a mirror in mid-sync passes by itself",
    cause: commandError(["apt-get"], ended).cause,
  });
}

function digest(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 24);
}
