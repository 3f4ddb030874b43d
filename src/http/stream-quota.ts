import type { Context } from "hono";
import { AppError, normaliseAddress, quotaKeyOf } from "../runtime/index.ts";
import type { HttpEnvironment } from "./environment.ts";

/** What every live stream needs. */
export interface StreamParts {
  /** Ends live streams, so that the server can stop. */
  readonly closing: AbortSignal;
  readonly streams: StreamQuota;
}

/**
 * How many live streams (events, build logs) each peer holds open: each costs a connection, and a subscription or an
 * open file, for as long as its reader likes. The control socket is not counted; behind a reverse proxy all share one.
 */
export class StreamQuota {
  readonly #perPeerMax: number;
  readonly #open = new Map<string, number>();

  constructor(perPeerMax: number) {
    this.#perPeerMax = perPeerMax;
  }

  /** The answer to this request counts until its connection is done with it. Throws STREAMS_PEER_BUSY. */
  hold(c: Context<HttpEnvironment>): void {
    const { address, onEnd } = c.env;
    if (address === undefined || onEnd === undefined) return;

    const peer = quotaKeyOf(normaliseAddress(address));
    const count = this.#open.get(peer) ?? 0;
    if (count >= this.#perPeerMax) throw peerBusy(this.#perPeerMax);
    this.#open.set(peer, count + 1);
    onEnd(() => this.#release(peer));
  }

  #release(peer: string): void {
    const count = this.#open.get(peer) ?? 0;
    // The table must not grow with every address that ever came.
    if (count <= 1) this.#open.delete(peer);
    else this.#open.set(peer, count - 1);
  }
}

function peerBusy(perPeerMax: number): AppError {
  return new AppError({
    kind: "unavailable",
    code: "STREAMS_PEER_BUSY",
    message: `${perPeerMax} live streams from your address are open, and no more are allowed`,
    hint: "Close pages or clients that follow events or logs; the administrator can raise httpStreamsPerPeerMax",
  });
}
