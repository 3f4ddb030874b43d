import { access, constants, mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Database } from "../database/index.ts";
import { type EventLog, PUBLIC_EVENT_TYPES, readEvents, type StoredEvent } from "../events/index.ts";
import { isFileName } from "../formats/index.ts";
import { asAppError, type Limits, type Logger, runCommand } from "../runtime/index.ts";
import { type OriginalPlace, originalEvent, type ViewContext } from "../views/index.ts";

export interface EventHooksOptions {
  readonly database: Database;
  readonly events: EventLog;
  readonly views: Pick<ViewContext, "db">;
  readonly place: OriginalPlace;
  /** HOME/etc/event-hooks. */
  readonly hooksPath: string;
  /** For the events as files; emptied at each start. */
  readonly scratchPath: string;
  readonly limits: Pick<Limits, "eventHookTimeoutMs">;
  readonly logger: Logger;
  /** The events cannot be read any more. */
  readonly onFatal: (error: unknown) => void;
}

const RETRY_MS = 5_000;
/** As the original's: `[!_.]*[!~]`, so that editors' copies and what is switched off do not count. */
const HOOK_NAME = /^[^_.].*[^~]$/s;

/** Runs the programs in etc/event-hooks, by name, with the path of the event as a JSON file: of each event, one after the other. */
export class EventHooks {
  readonly #options: EventHooksOptions;
  readonly #stopping = new AbortController();
  #reading: Promise<void> | undefined;

  constructor(options: EventHooksOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { scratchPath, onFatal } = this.#options;
    await rm(scratchPath, { recursive: true, force: true });
    this.#reading = this.#read().catch(onFatal);
  }

  async #read(): Promise<void> {
    const { database, events, logger } = this.#options;
    const { signal } = this.#stopping;
    const reader = { name: "event-hooks", types: PUBLIC_EVENT_TYPES, signal };
    while (!signal.aborted) {
      try {
        await readEvents(database, events, reader, (event) => this.#runHooks(event));
      } catch (error) {
        if (asAppError(error).kind !== "unavailable") throw error;
        logger.warn("events cannot be read for hooks at the moment", { error });
        await pause(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  /** The hook that runs is ended; its event comes again at the next start. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#reading;
  }

  async #runHooks(event: StoredEvent): Promise<void> {
    const { logger } = this.#options;
    try {
      const hooks = await this.#findHooks();
      if (hooks.length === 0) return;
      const path = await this.#writeEvent(event);
      for (const hook of hooks) await this.#runHook(hook, path, event);
      await rm(path, { force: true });
    } catch (error) {
      // A full disk, or a directory that cannot be read: told, and no reason to stop.
      logger.warn("event hooks not run", { eventId: event.id, error });
    }
  }

  /** Looked for each time: hooks come and go while we run. */
  async #findHooks(): Promise<string[]> {
    const { hooksPath } = this.#options;
    const names = await readdir(hooksPath).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return [];
      throw error;
    });
    const hooks: string[] = [];
    for (const name of names.filter((each) => HOOK_NAME.test(each)).sort()) {
      const path = join(hooksPath, name);
      if (await isExecutable(path)) hooks.push(path);
    }
    return hooks;
  }

  async #runHook(hook: string, eventPath: string, { id, type }: StoredEvent): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    const { logger, limits } = this.#options;
    const ended = await runCommand({
      argv: [hook, eventPath],
      timeoutMs: limits.eventHookTimeoutMs,
      signal: this.#stopping.signal,
      outputBytesMax: 64 * 1024,
      keepTail: true,
    });
    if (ended.reason === "exited" && ended.exitCode === 0) return;

    const { reason, exitCode } = ended;
    const output = ended.stderr.toString("utf8").slice(-1_000);
    logger.warn("an event hook failed", { hook, eventId: id, type, reason, exitCode, output });
  }

  /** `<source>/<version>/<timecode>/<source|architecture>/<source>_<version>_<TYPE>[_<architecture>].json`, as the original's. */
  async #writeEvent(event: StoredEvent): Promise<string> {
    const { views, place, scratchPath } = this.#options;
    const path = join(scratchPath, ...eventPath(event));
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, `${JSON.stringify(await originalEvent(views, place, event), null, 2)}\n`);
    return path;
  }
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

function eventPath({ id, type, source, version, uploadId, architecture }: StoredEvent): string[] {
  const part = architecture ?? "source";
  const about = [source ?? "none", (version ?? "none").replace(/^[0-9]+:/, "")];
  const name = `${about.join("_")}_${type}${part === "source" ? "" : `_${part}`}.json`;
  // What was refused may have any name.
  const names = [about[0] ?? "", version ?? "none", uploadId?.split("/")[2] ?? String(id), part, name];
  return names.every(isFileName) ? names : [`${id}.json`];
}
