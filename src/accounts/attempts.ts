import type { Transaction } from "../database/index.ts";
import { AppError } from "../runtime/index.ts";

/** How often something may be tried, and how it is slowed down after that. */
export interface AttemptRule {
  /** Names what is counted, with whom: "login-peer 192.0.2.1". */
  readonly subject: string;
  /** That many are free. */
  readonly free: number;
  /** Pause after the first that is not; doubled for each further one. */
  readonly pauseMs: number;
  readonly pauseMsMax: number;
}

/** After this long without an attempt all is forgotten. */
const FORGET_MS = 24 * 60 * 60 * 1000;

/**
 * Count an attempt before it is made, so that many at once do not pass. Throws TOO_MANY_ATTEMPTS (forbidden) during a
 * pause; such an attempt does not make it longer.
 */
export async function countAttempt(tx: Transaction, rules: readonly AttemptRule[]): Promise<void> {
  const now = tx.now();
  for (const { subject } of rules) {
    const row = await findAttempts(tx, subject);
    if (row !== undefined && row.blocked_until > now.toISOString()) throw tooMany(new Date(row.blocked_until), now);
  }

  for (const rule of rules) await countOne(tx, rule, now);
}

/** It went well: what was counted for these subjects is taken back. */
export async function forgetAttempts(tx: Transaction, subjects: readonly string[]): Promise<void> {
  await tx.deleteFrom("attempts").where("subject", "in", subjects).execute();
}

export async function purgeAttempts(tx: Transaction): Promise<void> {
  const before = new Date(tx.now().getTime() - FORGET_MS).toISOString();
  await tx.deleteFrom("attempts").where("last_at", "<", before).execute();
}

async function countOne(tx: Transaction, rule: AttemptRule, now: Date): Promise<void> {
  const row = await findAttempts(tx, rule.subject);
  const isRecent = row !== undefined && now.getTime() - Date.parse(row.last_at) < FORGET_MS;
  const count = (isRecent ? row.count : 0) + 1;
  const excess = count - rule.free;
  const pauseMs = excess <= 0 ? 0 : Math.min(rule.pauseMs * 2 ** Math.min(excess - 1, 30), rule.pauseMsMax);
  const values = { count, last_at: now.toISOString(), blocked_until: new Date(now.getTime() + pauseMs).toISOString() };
  await tx
    .insertInto("attempts")
    .values({ subject: rule.subject, ...values })
    .onConflict((conflict) => conflict.column("subject").doUpdateSet(values))
    .execute();
}

async function findAttempts(tx: Transaction, subject: string) {
  return tx.selectFrom("attempts").selectAll().where("subject", "=", subject).executeTakeFirst();
}

function tooMany(until: Date, now: Date): AppError {
  const seconds = Math.max(1, Math.ceil((until.getTime() - now.getTime()) / 1000));
  return new AppError({
    kind: "forbidden",
    code: "TOO_MANY_ATTEMPTS",
    message: "this was tried too often, and has to wait now",
    hint: `Try again in ${seconds} s`,
  });
}
