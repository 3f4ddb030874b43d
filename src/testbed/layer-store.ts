import { randomUUID } from "node:crypto";
import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError, type Clock, commandError, type EndedCommand, writeFileAtomically } from "../runtime/index.ts";
import { type IdMap, runUnderIdMap } from "./id-map.ts";
import { recipeNote } from "./layer-recipe.ts";
import { ENTER_SCRIPT, MOUNTS_FSTAB } from "./session-scripts.ts";
import type { KeptFor, Layer, LayerKind } from "./types.ts";
import { RELAY_SCRIPT } from "./virt-server/relay-script.ts";

/** INIT_SCRIPT knows it by this name. */
const FSTAB_NAME = "mounts.fstab";

export interface NewLayer {
  readonly id: string;
  readonly kind: LayerKind;
  readonly codename: string;
  readonly architecture: string;
  readonly description: string;
  readonly on: readonly string[];
  readonly keptFor?: KeptFor | undefined;
}

/** Written before a session starts, removed when it is gone. */
export interface SessionRecord {
  readonly name: string;
  readonly layers: readonly string[];
  readonly lifelinePath: string;
}

/**
 * Where layers are: `store/<id>/` is the tree, owned by subordinate ids; `layers/<id>.json` says what it is and exists
 * only when the tree is complete and on disk. `sessions/<name>.json` lists the layers of each session, so that none in
 * use is removed. The store lets anybody write, for our subordinate ids to make directories in it; what keeps others
 * out is its parent, closed to all but the daemon's user.
 */
export class LayerStore {
  readonly directory: string;
  readonly storeDirectory: string;
  readonly idMap: IdMap;
  readonly #clock: Clock;

  private constructor(directory: string, idMap: IdMap, clock: Clock) {
    this.directory = directory;
    this.storeDirectory = join(directory, "store");
    this.idMap = idMap;
    this.#clock = clock;
  }

  static async open(directory: string, idMap: IdMap, clock: Clock): Promise<LayerStore> {
    const store = new LayerStore(directory, idMap, clock);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await chmod(directory, 0o700);
    for (const name of ["store", "layers", "sessions", "notes", "locks"]) await mkdir(join(directory, name), { recursive: true });
    await chmod(store.storeDirectory, 0o777);
    await replaceFile(join(store.storeDirectory, FSTAB_NAME), MOUNTS_FSTAB);
    await replaceFile(store.enterScriptPath, ENTER_SCRIPT);
    await replaceFile(store.relayScriptPath, RELAY_SCRIPT);
    return store;
  }

  /** RELAY_SCRIPT as a file. */
  get relayScriptPath(): string {
    return join(this.directory, "virt-server");
  }

  /** ENTER_SCRIPT as a file. */
  get enterScriptPath(): string {
    return join(this.directory, "enter-session");
  }

  async find(id: string): Promise<Layer | undefined> {
    const text = await readFile(this.#recordPath(id), "utf8").catch(ignoreAbsent);
    if (text === undefined) return undefined;

    const record = JSON.parse(text) as Omit<Layer, "createdAt" | "usedAt"> & { createdAt: string; usedAt: string };
    return { ...record, createdAt: new Date(record.createdAt), usedAt: new Date(record.usedAt) };
  }

  async load(id: string): Promise<Layer> {
    const layer = await this.find(id);
    if (layer !== undefined) return layer;

    throw new AppError({
      kind: "not-found",
      code: "LAYER_NOT_FOUND",
      message: `there is no layer ${id}`,
      hint: "List the layers to see which there are; a layer is made again when a build needs it",
    });
  }

  async list(): Promise<Layer[]> {
    const names = await readdir(join(this.directory, "layers"));
    const ids = names.filter((name) => name.endsWith(".json")).map((name) => name.slice(0, -".json".length));
    const layers = await Promise.all(ids.map((id) => this.find(id)));
    return layers.filter((layer) => layer !== undefined).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** Make a tree below the store a layer: rename, make durable, record. `treePath` is relative to the store. */
  async commit(treePath: string, layer: NewLayer): Promise<Layer> {
    // An older tree of that name has no record: it is what a crash left.
    const script = 'rm -rf -- "$2" && mv -T -- "$1" "$2" && sync -f "$2" && du --summarize --block-size=1 "$2"';
    const ended = await this.asTestbedRoot(["sh", "-ec", script, "sh", treePath, layer.id]);
    const now = this.#clock.now();
    const complete: Layer = {
      ...layer,
      sizeBytes: Number.parseInt(ended.stdout.toString("utf8"), 10),
      createdAt: now,
      usedAt: now,
    };
    await writeFileAtomically(this.#recordPath(layer.id), recordText(complete));
    return complete;
  }

  async markUsed(layer: Layer): Promise<Layer> {
    const used = { ...layer, usedAt: this.#clock.now() };
    await replaceFile(this.#recordPath(layer.id), recordText(used));
    return used;
  }

  /** AppError conflict LAYER_IN_USE when a session or another layer stands on it. */
  async remove(id: string): Promise<void> {
    const layer = await this.load(id);
    const users = await this.#usersOf(id);
    if (users.length > 0) throw layerInUse(id, users);

    // A session records itself before it looks for its layers: whichever of us comes second sees the other.
    await rm(this.#recordPath(id));
    const latecomers = await this.#usersOf(id);
    if (latecomers.length > 0) {
      await writeFileAtomically(this.#recordPath(id), recordText(layer));
      throw layerInUse(id, latecomers);
    }
    await this.removeNote(recipeNote(id));
    await this.removeTree(id);
  }

  async #usersOf(id: string): Promise<string[]> {
    const above = (await this.list()).filter((layer) => layer.on.includes(id)).map((layer) => layer.id);
    const sessions = (await this.sessionRecords()).filter((record) => record.layers.includes(id)).map((record) => record.name);
    return [...above, ...sessions];
  }

  async removeTree(name: string): Promise<void> {
    await this.asTestbedRoot(["rm", "-rf", "--", name]);
  }

  /** Run a tool of the host in the store as root of the testbeds' ids. */
  async asTestbedRoot(argv: readonly [string, ...string[]], options: { input?: string } = {}): Promise<EndedCommand> {
    const ended = await runUnderIdMap(this.idMap, { argv, cwd: this.storeDirectory, ...options });
    if (ended.reason === "exited" && ended.exitCode === 0) return ended;

    throw commandError(argv, ended);
  }

  async recordSession(record: SessionRecord): Promise<void> {
    await writeFile(this.#sessionPath(record.name), JSON.stringify(record));
  }

  async forgetSession(name: string): Promise<void> {
    await rm(this.#sessionPath(name), { force: true });
  }

  async sessionRecords(): Promise<SessionRecord[]> {
    const names = (await readdir(join(this.directory, "sessions"))).filter((name) => name.endsWith(".json"));
    const texts = await Promise.all(
      names.map((name) => readFile(join(this.directory, "sessions", name), "utf8").catch(ignoreAbsent)),
    );
    return texts.filter((text) => text !== undefined).map((text) => JSON.parse(text) as SessionRecord);
  }

  /** Names below the store that are no recorded layer: sessions, unfinished layers, the package cache. */
  async strayTrees(): Promise<string[]> {
    const layers = new Set((await this.list()).map((layer) => layer.id));
    return (await readdir(this.storeDirectory)).filter((name) => !layers.has(name) && name !== FSTAB_NAME);
  }

  /** Held while a layer of that id is made; `fetching` while packages are downloaded. */
  lockPath(name: string): string {
    return join(this.directory, "locks", name);
  }

  async lockPaths(): Promise<string[]> {
    return (await readdir(join(this.directory, "locks"))).map((name) => this.lockPath(name));
  }

  /** A small JSON value kept between runs, e.g. which lists are current. Losing it costs time, nothing else. */
  async readNote<T>(name: string): Promise<T | undefined> {
    const text = await readFile(this.#notePath(name), "utf8").catch(ignoreAbsent);
    return text === undefined ? undefined : (JSON.parse(text) as T);
  }

  async removeNote(name: string): Promise<void> {
    await rm(this.#notePath(name), { force: true });
  }

  async noteNames(prefix: string): Promise<string[]> {
    const names = await readdir(join(this.directory, "notes"));
    return names
      .filter((name) => name.startsWith(prefix) && name.endsWith(".json"))
      .map((name) => name.slice(0, -".json".length));
  }

  async writeNote(name: string, value: unknown): Promise<void> {
    await replaceFile(this.#notePath(name), JSON.stringify(value));
  }

  #recordPath(id: string): string {
    if (!/^[a-z]+-[a-z0-9-]+$/.test(id))
      throw new AppError({ kind: "invalid", code: "LAYER_NOT_FOUND", message: `${id} is no layer's name` });
    return join(this.directory, "layers", `${id}.json`);
  }

  #sessionPath(name: string): string {
    return join(this.directory, "sessions", `${name}.json`);
  }

  #notePath(name: string): string {
    return join(this.directory, "notes", `${name}.json`);
  }
}

function recordText(layer: Layer): string {
  return `${JSON.stringify(layer, undefined, 2)}\n`;
}

/** Whole or not at all for readers, but not durable: a session must start in less time than an fsync may take. */
async function replaceFile(path: string, text: string): Promise<void> {
  const temporaryPath = `${path}.${randomUUID()}`;
  await writeFile(temporaryPath, text);
  await rename(temporaryPath, path);
}

function ignoreAbsent(error: NodeJS.ErrnoException): undefined {
  if (error.code === "ENOENT") return undefined;
  throw error;
}

function layerInUse(id: string, users: readonly string[]): AppError {
  return new AppError({
    kind: "conflict",
    code: "LAYER_IN_USE",
    message: `layer ${id} is in use by ${users.join(", ")}`,
    hint: "Wait for the session to end, or remove the layers that stand on it first",
    facts: { id, users },
  });
}
