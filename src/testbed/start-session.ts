import { randomBytes } from "node:crypto";
import type { ControlGroups } from "./control-groups.ts";
import { type Bind, startHolder } from "./holder.ts";
import type { LayerStore } from "./layer-store.ts";
import { Session } from "./session.ts";
import type { SessionLimits } from "./session-limits.ts";
import type { SessionRequest } from "./types.ts";

/**
 * The control group tells when it had to refuse a process, RLIMIT_NPROC does not: where both are the same, the latter
 * comes first, as fork(2) asks for it first, and a fork bomb goes on until it is silent for too long.
 */
const ABOVE_GROUP_PROCESSES = 64;
const START_TIMEOUT_MS = 60_000;

const ARCHITECTURES_OF_32_BITS = ["i386", "armhf", "armel"];

export interface SessionSetting {
  readonly store: LayerStore;
  /** FIFO that the daemon holds open: the session ends when nobody does. */
  readonly lifelinePath: string;
  readonly limits: SessionLimits;
  readonly controlGroups?: ControlGroups | undefined;
  readonly binds?: readonly Bind[] | undefined;
  readonly onClosed?: ((session: Session) => Promise<void>) | undefined;
}

/** What a session wrote is in this directory of its own, below the store. */
export function changesPath(sessionId: string): string {
  return `${sessionId}/upper`;
}

/** AppError unavailable TESTBED_SESSION_FAILED, not-found LAYER_NOT_FOUND. */
export async function startSession(setting: SessionSetting, request: SessionRequest): Promise<Session> {
  request.signal?.throwIfAborted();
  const { store, lifelinePath } = setting;
  const name = `s-${randomBytes(6).toString("hex")}`;
  const network = request.network ?? "none";
  const innerLayers = request.innerLayers ?? [];
  const allLayers = [...request.layers, ...innerLayers];
  // For an overlay inside: its upper directory cannot be on the session's own overlay.
  const scratch: Bind[] =
    innerLayers.length === 0 && request.withScratch !== true
      ? []
      : [{ source: `${name}/scratch`, target: "/mini-buildd/scratch", access: "rw" }];

  // Recorded first: from now on none of the layers is removed.
  await store.recordSession({ name, layers: allLayers, lifelinePath });
  try {
    const [nearest] = await Promise.all(allLayers.map((id) => store.load(id)));
    const { idMap, storeDirectory } = store;
    const { layers } = request;
    const controlGroup = await setting.controlGroups?.make(name, setting.limits);
    const holder = await startHolder({
      idMap,
      storeDirectory,
      sessionName: name,
      layers,
      network,
      lifelinePath,
      binds: [...(setting.binds ?? []), ...scratch],
      startTimeoutMs: START_TIMEOUT_MS,
      processesMax: setting.limits.processesMax + (controlGroup === undefined ? 0 : ABOVE_GROUP_PROCESSES),
      controlGroup,
    });
    const session: Session = new Session({
      id: name,
      holder,
      network,
      controlGroup,
      enterScriptPath: store.enterScriptPath,
      isHeld: request.isHeld ?? false,
      is32Bit: ARCHITECTURES_OF_32_BITS.includes(nearest?.architecture ?? ""),
      onClosed: async () => {
        // Of a held one the record is all that tells a sweep whose the directory is.
        if (request.isHeld !== true) await store.forgetSession(name);
        await setting.onClosed?.(session);
      },
    });
    return session;
  } catch (error) {
    await store.removeTree(name);
    await setting.controlGroups?.remove(name);
    await store.forgetSession(name);
    throw error;
  }
}
