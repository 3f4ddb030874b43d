import type { MiddlewareHandler } from "hono";
import { AppError, monotonicMs, normaliseAddress, quotaKeyOf } from "../runtime/index.ts";
import type { HttpEnvironment } from "./environment.ts";

const MINUTE_MS = 60_000;
/** So many peers are remembered; beyond, those that have been quiet are forgotten first. */
const PEERS_MAX = 10_000;

interface Bucket {
  tokens: number;
  filledMs: number;
}

/**
 * How many requests each peer may make in a minute: a bucket that holds a quarter of them, and fills evenly. Repository
 * files and uploads do not come this way; the control socket is not counted. Behind a reverse proxy all share one.
 */
export class RequestQuota {
  readonly #perMinute: number;
  readonly #buckets = new Map<string, Bucket>();

  /** 0: no limit. */
  constructor(perMinute: number) {
    this.#perMinute = perMinute;
  }

  /** Answers RATE_LIMITED (429) with Retry-After to who asks too often. */
  middleware(): MiddlewareHandler<HttpEnvironment> {
    return async (c, next) => {
      const { address } = c.env;
      if (address !== undefined && this.#perMinute > 0) this.#take(quotaKeyOf(normaliseAddress(address)));
      await next();
    };
  }

  #take(peer: string): void {
    const perMs = this.#perMinute / MINUTE_MS;
    const capacity = Math.max(1, this.#perMinute / 4);
    const nowMs = monotonicMs();
    const known = this.#buckets.get(peer);
    const tokens = known === undefined ? capacity : Math.min(capacity, known.tokens + (nowMs - known.filledMs) * perMs);
    // The newest last, so that the first are those quiet for longest.
    this.#buckets.delete(peer);
    this.#buckets.set(peer, { tokens: tokens < 1 ? tokens : tokens - 1, filledMs: nowMs });
    if (this.#buckets.size > PEERS_MAX) this.#buckets.delete(this.#buckets.keys().next().value ?? peer);
    if (tokens < 1) throw rateLimited(this.#perMinute, Math.ceil((1 - tokens) / perMs / 1000));
  }
}

function rateLimited(perMinute: number, retryAfterSeconds: number): AppError {
  return new AppError({
    kind: "unavailable",
    code: "RATE_LIMITED",
    message: `more than ${perMinute} requests a minute came from your address`,
    hint: `Ask again in ${retryAfterSeconds} s; follow events instead of asking for them; the administrator can raise httpRequestsPerMinutePerPeerMax`,
    facts: { retryAfterSeconds },
  });
}
