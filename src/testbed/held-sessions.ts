import type { Logger } from "../runtime/index.ts";
import { keepTree, newKeptId } from "./kept-testbeds.ts";
import type { LayerStore } from "./layer-store.ts";
import type { Session } from "./session.ts";
import { changesPath } from "./start-session.ts";
import type { KeptFor, Layer } from "./types.ts";

interface HeldSession {
  readonly session: Session;
  readonly layers: readonly string[];
}

export interface HeldParts {
  readonly store: LayerStore;
  readonly lifelinePath: string;
  readonly logger: Logger;
  /** From then on sessions of this owner are as any others. */
  readonly onSettled: () => void;
}

/**
 * What one owner's sessions write outlives them, until it is known whether anybody wants it: `keep` or `discard`, once.
 * Nothing of a session that has ended runs any more; after a crash a sweep removes what is left, as of any session.
 */
export class HeldSessions {
  readonly #parts: HeldParts;
  readonly #sessions: HeldSession[] = [];
  #isSettled = false;

  constructor(parts: HeldParts) {
    this.#parts = parts;
  }

  /** A session that was started with `isHeld`. */
  async add(session: Session, layers: readonly string[]): Promise<void> {
    if (this.#isSettled) await this.#remove({ session, layers });
    else this.#sessions.push({ session, layers });
  }

  /** Ends all of them, and removes what they wrote. Never throws: what cannot be removed now is swept later. */
  async discard(): Promise<void> {
    await this.#removeAll(this.#settle());
  }

  /**
   * Ends all of them. What the last one wrote becomes a layer, which nobody removes while `look` looks at it. Undefined:
   * there was none, or it would not end.
   */
  async keep(keptFor: KeptFor, look: (layer: Layer) => Promise<void>): Promise<Layer | undefined> {
    const sessions = this.#settle();
    const last = sessions.pop();
    await this.#removeAll(sessions);
    if (last === undefined) return undefined;

    const { store, lifelinePath } = this.#parts;
    const { session, layers } = last;
    await session.close();
    // The kernel cannot end it, or a machine's first process does not reap it: it is swept when it has ended.
    if (!session.ended.aborted) return undefined;

    const id = newKeptId();
    const name = `${session.id}-look`;
    await store.recordSession({ name, layers: [id, ...layers], lifelinePath });
    try {
      const layer = await keepTree(store, changesPath(session.id), { keptFor, id, on: layers });
      await look(layer);
      return layer;
    } finally {
      await store.forgetSession(name);
      await this.#remove(last);
    }
  }

  #settle(): HeldSession[] {
    this.#isSettled = true;
    this.#parts.onSettled();
    return this.#sessions.splice(0);
  }

  async #removeAll(sessions: readonly HeldSession[]): Promise<void> {
    for (const held of sessions) await this.#remove(held);
  }

  async #remove({ session }: HeldSession): Promise<void> {
    const { store, logger } = this.#parts;
    try {
      session.drop();
      await session.close();
      if (!session.ended.aborted) return;
      await store.removeTree(session.id);
      await store.forgetSession(session.id);
    } catch (error) {
      logger.warn("what a testbed left could not be removed", { session: session.id, error });
    }
  }
}
