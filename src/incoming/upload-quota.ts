import { type Clock, type Limits, quotaKeyOf } from "../runtime/index.ts";
import { peerBusy } from "./upload-errors.ts";

export type UploadQuotaLimits = Pick<
  Limits,
  "uploadConnectionsMax" | "uploadConnectionsPerPeerMax" | "uploadStartsPerMinutePerPeerMax"
>;

const MINUTE_MS = 60_000;

interface PeerUse {
  connections: number;
  windowStartMs: number;
  starts: number;
}

/** Gives back a connection; may be called twice. */
export type ReleaseConnection = () => void;

/**
 * Who uses how much of the upload channels, all protocols together. A peer is an IPv4 address or an IPv6 /64; behind
 * a reverse proxy all share one.
 */
export class UploadQuota {
  readonly #limits: UploadQuotaLimits;
  readonly #clock: Clock;
  readonly #peers = new Map<string, PeerUse>();
  #connections = 0;

  constructor(limits: UploadQuotaLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Throws UPLOAD_PEER_BUSY. */
  connect(peer: string): ReleaseConnection {
    const use = this.#useOf(peer);
    if (this.#connections >= this.#limits.uploadConnectionsMax) throw peerBusy("too many upload connections are open");
    if (use.connections >= this.#limits.uploadConnectionsPerPeerMax) {
      throw peerBusy("too many upload connections are open from your address");
    }
    this.start(peer);

    use.connections += 1;
    this.#connections += 1;
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      this.#connections -= 1;
      use.connections -= 1;
      this.#forgetIdlePeers();
    };
  }

  /** One more connection or file of this peer in this minute. Throws UPLOAD_PEER_BUSY. */
  start(peer: string): void {
    const use = this.#useOf(peer);
    const nowMs = this.#clock.now().getTime();
    if (nowMs - use.windowStartMs >= MINUTE_MS || nowMs < use.windowStartMs) {
      use.windowStartMs = nowMs;
      use.starts = 0;
    }
    if (use.starts >= this.#limits.uploadStartsPerMinutePerPeerMax)
      throw peerBusy("too many uploads from your address in one minute");
    use.starts += 1;
  }

  #useOf(peer: string): PeerUse {
    const key = quotaKeyOf(peer);
    const known = this.#peers.get(key);
    if (known !== undefined) return known;

    const use: PeerUse = { connections: 0, windowStartMs: this.#clock.now().getTime(), starts: 0 };
    this.#peers.set(key, use);
    return use;
  }

  /** The table must not grow with every address that ever came. */
  #forgetIdlePeers(): void {
    if (this.#peers.size < 1000) return;
    const nowMs = this.#clock.now().getTime();
    for (const [peer, use] of this.#peers) {
      if (use.connections === 0 && nowMs - use.windowStartMs >= MINUTE_MS) this.#peers.delete(peer);
    }
  }
}
