import { createHash, randomBytes } from "node:crypto";
import { AppError, asAppError, type Logger } from "../runtime/index.ts";
import { withFileLock } from "./file-lock.ts";
import type { LayerStore, NewLayer } from "./layer-store.ts";
import type { Session } from "./session.ts";
import type { CompilerCacheName, CompilerCacheUse, Layer } from "./types.ts";

/** Where sessions have it. */
const COMPILER_CACHE_PATH = "/mini-buildd/ccache";
/** The ordinary user of every base layer: package code runs as that. */
const BUILD_USER = "sbuild";
/** ccache needs some thousands for a GiB; more are somebody's prank. */
const FILES_MAX = 200_000;
/** ccache counts what it stores, the disk whole blocks. */
const DISK_FACTOR = 2;
const ATTEMPTS_MAX = 5;
const KEEP_TIMEOUT_MS = 10 * 60 * 1000;

/**
 * Root runs it inside, after the build. Arguments: bytes, files. Regular files only, no settings, nothing that is in the
 * making, and no extended attributes. What has no .changes did not build, and is not worth the copy.
 */
const KEEP_SCRIPT = `
set -e
fail() { echo "$1" >&2; exit 1; }
max=$1 files=$2
set -- /build/*/*.changes
[ -e "$1" ] || fail "nothing was built"
cd ${COMPILER_CACHE_PATH}
rm -rf ccache.conf tmp
find . ! -type d ! -type f -delete
[ "$(find . -printf . | head -c $((files + 1)) | wc -c)" -le "$files" ] || fail "it has more than $files files"
set -- $(du --summarize --block-size=1 .)
[ "$1" -le "$max" ] || fail "it has $1 bytes, more than $max"
mkdir -p /mini-buildd/scratch/cache/mini-buildd
cp -R --preserve=mode,ownership,timestamps --reflink=auto . /mini-buildd/scratch/cache/mini-buildd/ccache
`;

/** What a build left, outside of its session, until it is known whether the build was good. */
interface Candidate {
  /** Below the store; recorded as a session, so that it goes when the daemon does. */
  readonly treeName: string;
  readonly name: CompilerCacheName;
  /** Why it could not be kept. */
  readonly error?: AppError | undefined;
}

/** Compilers are told apart by their content and that of the assembler, not by time and size: packages have times of their own. */
export function compilerCacheUse(sizeBytesMax: number): CompilerCacheUse {
  return {
    programDirectory: "/usr/lib/ccache",
    variables: {
      CCACHE_DIR: COMPILER_CACHE_PATH,
      CCACHE_MAXSIZE: `${Math.floor(sizeBytesMax / 1000)}k`,
      CCACHE_COMPILERCHECK: "content",
      CCACHE_EXTRAFILES: "/usr/bin/as",
    },
  };
}

/**
 * Compiler caches are layers: one immutable tree for each generation, the lowest of what a build writes to, so that no build
 * changes what another one sees. What a good build leaves becomes the next generation, at once and whole; of two builds
 * at the same time the last one's. A generation in use is never removed; old ones, and those of sources that nobody
 * builds any more, go as all layers do.
 */
export class CompilerCaches {
  readonly #store: LayerStore;
  readonly #lifelinePath: string;
  readonly #logger: Logger;
  readonly #sizeBytesMax: number;
  readonly #filesMax: number;
  /** By owner of the session. */
  readonly #candidates = new Map<string, Candidate>();

  constructor(parts: { store: LayerStore; lifelinePath: string; logger: Logger; sizeBytesMax: number; filesMax?: number }) {
    this.#store = parts.store;
    this.#lifelinePath = parts.lifelinePath;
    this.#logger = parts.logger;
    this.#sizeBytesMax = parts.sizeBytesMax;
    this.#filesMax = parts.filesMax ?? FILES_MAX;
  }

  /** `start` gets the layers to put above all others. Counts of hits begin anew. */
  async startSession(name: CompilerCacheName, start: (layers: readonly string[]) => Promise<Session>): Promise<Session> {
    const session = await this.#startOnNewest(name, start);
    try {
      await session.runChecked({ argv: ["install", "-d", "-o", BUILD_USER, "-g", BUILD_USER, "-m", "755", COMPILER_CACHE_PATH] });
      // So that the build's log tells of this build. It would go on without.
      const env = { CCACHE_DIR: COMPILER_CACHE_PATH };
      await session.run({ argv: ["ccache", "--zero-stats"], env, user: BUILD_USER });
      return session;
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  /** A copy of what the session has now, for `store`, which says so if there is none. For sessions with an owner and a cache. */
  async keep(session: Session, owner: string | undefined, name: CompilerCacheName | undefined): Promise<void> {
    if (owner === undefined || name === undefined) return;

    await this.discard(owner);
    const treeName = `s-cache-${randomBytes(6).toString("hex")}`;
    const candidate: Candidate = { treeName, name };
    this.#candidates.set(owner, candidate);
    try {
      await this.#copyOut(session, treeName);
    } catch (error) {
      // Closing a testbed must not fail for that.
      this.#candidates.set(owner, { ...candidate, error: asAppError(error) });
    }
  }

  async #copyOut(session: Session, treeName: string): Promise<void> {
    await this.#store.recordSession({ name: treeName, layers: [], lifelinePath: this.#lifelinePath });
    const limits = [String(this.#sizeBytesMax * DISK_FACTOR), String(this.#filesMax)];
    await session.runChecked({ argv: ["sh", "-c", KEEP_SCRIPT, "sh", ...limits], timeoutMs: KEEP_TIMEOUT_MS });
    await this.#store.asTestbedRoot(["mv", "-T", "--", `${session.id}/scratch/cache`, treeName]);
  }

  /** The build was good: what it left is the cache from now on. Undefined: it left nothing. */
  async store(owner: string): Promise<Layer | undefined> {
    const candidate = this.#candidates.get(owner);
    if (candidate === undefined) return undefined;
    if (candidate.error !== undefined) throw candidate.error;

    const key = cacheKey(candidate.name);
    const stored = await withFileLock(this.#store.lockPath(key), undefined, async () => {
      const older = await this.#generations(key);
      const layer = await this.#commit(candidate.treeName, newLayer(candidate.name, older[0]));
      for (const { id } of older) await this.#removeUnlessInUse(id);
      return layer;
    });
    this.#candidates.delete(owner);
    await this.#store.forgetSession(candidate.treeName);
    return stored;
  }

  /** The build was not good. May be called at any time. */
  async discard(owner: string): Promise<void> {
    const candidate = this.#candidates.get(owner);
    if (candidate === undefined) return;

    this.#candidates.delete(owner);
    await this.#store.removeTree(candidate.treeName);
    await this.#store.forgetSession(candidate.treeName);
  }

  /** Between finding it and using it, another build may have replaced and removed it. */
  async #startOnNewest(name: CompilerCacheName, start: (layers: readonly string[]) => Promise<Session>): Promise<Session> {
    for (let attempt = 1; ; attempt += 1) {
      const [newest] = await this.#generations(cacheKey(name));
      try {
        const session = await start(newest === undefined ? [] : [newest.id]);
        // Not before: one that is being removed must not come back.
        if (newest !== undefined) await this.#store.markUsed(newest);
        return session;
      } catch (error) {
        const isReplaced = newest !== undefined && error instanceof AppError && error.code === "LAYER_NOT_FOUND";
        if (!isReplaced || attempt === ATTEMPTS_MAX) throw error;
      }
    }
  }

  async #commit(treeName: string, layer: NewLayer): Promise<Layer> {
    try {
      return await this.#store.commit(treeName, layer);
    } catch (error) {
      // The disk is full, perhaps of this.
      if ((await this.#store.find(layer.id)) === undefined) await this.#store.removeTree(layer.id);
      throw error;
    }
  }

  /** The newest first. */
  async #generations(key: string): Promise<Layer[]> {
    const layers = (await this.#store.list()).filter(({ id }) => id.startsWith(`${key}-`));
    return layers.toSorted((a, b) => generationOf(b) - generationOf(a));
  }

  async #removeUnlessInUse(id: string): Promise<void> {
    try {
      await this.#store.remove(id);
    } catch (error) {
      if (!(error instanceof AppError) || !["LAYER_IN_USE", "LAYER_NOT_FOUND"].includes(error.code)) throw error;
      // The next generation, or eviction, removes it.
      this.#logger.debug("an older compiler cache stays", { layer: id, reason: error.message });
    }
  }
}

/** Numbers of generations may come again after eviction, so a name has a part that does not: a tree may still be being removed. */
function newLayer(name: CompilerCacheName, previous: Layer | undefined): NewLayer {
  const { codename, architecture, repository, source } = name;
  const generation = previous === undefined ? 1 : generationOf(previous) + 1;
  return {
    id: `${cacheKey(name)}-${generation}-${randomBytes(4).toString("hex")}`,
    kind: "compiler-cache",
    codename,
    architecture,
    description: `compiler cache of ${source} in ${repository}`,
    on: [],
  };
}

function generationOf({ id }: Layer): number {
  return Number(id.split("-")[2]);
}

function cacheKey({ repository, source, codename, architecture }: CompilerCacheName): string {
  const digest = createHash("sha256")
    .update(JSON.stringify([repository, source, codename, architecture]))
    .digest("hex");
  return `ccache-${digest.slice(0, 24)}`;
}
