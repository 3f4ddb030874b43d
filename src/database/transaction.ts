import { AsyncLocalStorage } from "node:async_hooks";
import type { Kysely, Transaction as KyselyTransaction } from "kysely";
import { AppError, type Clock, type Logger, monotonicMs } from "../runtime/index.ts";
import { Mutex } from "./mutex.ts";
import type { Schema } from "./schema.ts";
import type { WakeTopics } from "./wake-topics.ts";

/** Everybody else's writes wait while a transaction is open. */
const SLOW_TRANSACTION_MS = 250;

/** A write transaction: all of Kysely's queries, and what hangs on its commit. */
export type Transaction = KyselyTransaction<Schema> & TransactionScope;

export interface TransactionScope {
  /** When the transaction began: the time of every fact it records. */
  now(): Date;
  /** Run after the commit; not at all when the transaction rolls back. What the callback throws is logged only. */
  afterCommit(callback: () => void): void;
  /** After the commit, wake those who wait for news on this topic (`Database.onWake`). */
  wake(topic: string): void;
}

/** Runs write transactions, one after the other. */
export class TransactionRunner {
  readonly #write: Kysely<Schema>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #wakeTopics: WakeTopics;
  readonly #mutex = new Mutex();
  readonly #current = new AsyncLocalStorage<{ isOpen: boolean }>();

  constructor(parts: { write: Kysely<Schema>; clock: Clock; logger: Logger; wakeTopics: WakeTopics }) {
    this.#write = parts.write;
    this.#clock = parts.clock;
    this.#logger = parts.logger;
    this.#wakeTopics = parts.wakeTopics;
  }

  async run<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    this.#refuseNesting();

    const callbacks: (() => void)[] = [];
    const topics = new Set<string>();
    const result = await this.#alone((kyselyTransaction) => {
      const now = this.#clock.now();
      const scope: TransactionScope = {
        now: () => now,
        afterCommit: (callback) => void callbacks.push(callback),
        wake: (topic) => void topics.add(topic),
      };
      return work(Object.assign(kyselyTransaction, scope));
    });

    for (const callback of callbacks) this.#runAfterCommit(callback);
    for (const topic of topics) this.#wakeTopics.wake(topic);
    return result;
  }

  /** Our own queue: waiting in PostgreSQL's connection pool would end with a connection timeout. */
  async #alone<T>(work: (tx: KyselyTransaction<Schema>) => Promise<T>): Promise<T> {
    const release = await this.#mutex.acquire();
    try {
      return await this.#execute(work);
    } finally {
      release();
    }
  }

  async #execute<T>(work: (tx: KyselyTransaction<Schema>) => Promise<T>): Promise<T> {
    return this.#write.transaction().execute(async (kyselyTransaction) => {
      const scope = { isOpen: true };
      const startedAtMs = monotonicMs();
      try {
        return await this.#current.run(scope, () => work(kyselyTransaction));
      } finally {
        scope.isOpen = false;
        const durationMs = monotonicMs() - startedAtMs;
        if (durationMs > SLOW_TRANSACTION_MS) this.#logger.warn("slow transaction", { durationMs: Math.round(durationMs) });
      }
    });
  }

  /** A transaction inside a transaction would wait for itself for ever. */
  #refuseNesting(): void {
    if (this.#current.getStore()?.isOpen !== true) return;

    throw new AppError({
      kind: "bug",
      code: "INTERNAL",
      message: "a transaction was started inside another one",
      hint: "Pass the open transaction on instead",
    });
  }

  #runAfterCommit(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.#logger.error("a callback after a commit failed", { error });
    }
  }
}
