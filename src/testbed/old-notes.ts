import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../runtime/index.ts";
import type { LayerStore } from "./layer-store.ts";

/** What is written anew when it is wanted: which lists are current, what apt would install. */
const RENEWABLE_NOTE = /^(?:lists|plan)-/;
const RECIPE_NOTE = /^recipe-(.+)\.json$/;
/** What a writer left that was killed. */
const UNFINISHED = /\.json\.[0-9a-f-]{36}$/;

/**
 * Removes small files that nothing has written to for so long: each build with new package lists leaves some, and each layer a
 * lock. What is still wanted is made again. Recipes stay as long as their layers.
 */
export async function forgetOldNotes(store: LayerStore, clock: Clock, untouchedForMs: number): Promise<void> {
  const before = clock.now().getTime() - untouchedForMs;
  const layers = new Set((await store.list()).map(({ id }) => id));
  const isOfNoLayer = (name: string): boolean => !layers.has(RECIPE_NOTE.exec(name)?.[1] ?? "");

  await removeOld(join(store.directory, "notes"), before, (name) => {
    if (RECIPE_NOTE.test(name)) return isOfNoLayer(name);
    return RENEWABLE_NOTE.test(name) || UNFINISHED.test(name);
  });
  await removeOld(join(store.directory, "layers"), before, (name) => UNFINISHED.test(name));
  // Whoever holds a lock has touched it.
  await removeOld(join(store.directory, "locks"), before, () => true);
}

async function removeOld(directory: string, beforeMs: number, isMeant: (name: string) => boolean): Promise<void> {
  for (const name of (await readdir(directory)).filter(isMeant)) {
    const path = join(directory, name);
    // Gone meanwhile, or replaced: both are as wanted.
    const writtenAtMs = (await stat(path).catch(() => undefined))?.mtimeMs ?? Number.POSITIVE_INFINITY;
    if (writtenAtMs < beforeMs) await rm(path, { force: true });
  }
}
