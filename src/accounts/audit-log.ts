import type { Kysely } from "kysely";
import type { Schema, Transaction } from "../database/index.ts";

/** Who does something, and from where. */
export interface Actor {
  /** A user's name; or what stands for one: "the control socket". */
  readonly name: string;
  readonly peer: string;
}

export type AuditOutcome = "begun" | "done" | "refused" | "failed";

export interface AuditEntry {
  readonly actor: Actor;
  /** Name of an operation, or of an act on a page: "login". */
  readonly act: string;
  /** What it was done to. No secrets. */
  readonly subject: Readonly<Record<string, unknown>>;
  readonly outcome: AuditOutcome;
  /** Of the error. */
  readonly code?: string | undefined;
}

export interface StoredAuditEntry extends AuditEntry {
  readonly id: number;
  readonly occurredAt: Date;
}

export interface AuditQuery {
  readonly actor?: string | undefined;
  readonly act?: string | undefined;
  readonly beforeId?: number | undefined;
  readonly limit: number;
}

/** What strangers can make us keep of their words. */
const TEXT_LENGTH_MAX = 200;
const SUBJECT_LENGTH_MAX = 4_000;

/** In the transaction of the act where there is one. Returns the entry's id. */
export async function recordAudit(tx: Transaction, entry: AuditEntry): Promise<number> {
  const { id } = await tx
    .insertInto("audit_log")
    .values({
      occurred_at: tx.now().toISOString(),
      actor: entry.actor.name.slice(0, TEXT_LENGTH_MAX),
      peer: entry.actor.peer.slice(0, TEXT_LENGTH_MAX),
      act: entry.act.slice(0, TEXT_LENGTH_MAX),
      subject: subjectText(entry.subject),
      outcome: entry.outcome,
      code: entry.code ?? null,
    })
    .returning("id")
    .executeTakeFirstOrThrow();
  return id;
}

/** How an act ended that was recorded as begun. One that a crash interrupted stays "begun": nobody knows. */
export async function concludeAudit(
  tx: Transaction,
  id: number,
  end: { readonly outcome: AuditOutcome; readonly code?: string | undefined },
): Promise<void> {
  await tx
    .updateTable("audit_log")
    .set({ outcome: end.outcome, code: end.code ?? null })
    .where("id", "=", id)
    .where("outcome", "=", "begun")
    .execute();
}

/** Newest first. */
export async function listAudit(db: Kysely<Schema>, query: AuditQuery): Promise<StoredAuditEntry[]> {
  const rows = await db
    .selectFrom("audit_log")
    .selectAll()
    .$if(query.actor !== undefined, (select) => select.where("actor", "=", query.actor!))
    .$if(query.act !== undefined, (select) => select.where("act", "=", query.act!))
    .$if(query.beforeId !== undefined, (select) => select.where("id", "<", query.beforeId!))
    .orderBy("id", "desc")
    .limit(query.limit)
    .execute();
  return rows.map((row) => ({
    id: row.id,
    occurredAt: new Date(row.occurred_at),
    actor: { name: row.actor, peer: row.peer },
    act: row.act,
    subject: JSON.parse(row.subject) as Record<string, unknown>,
    outcome: row.outcome as AuditOutcome,
    code: row.code ?? undefined,
  }));
}

function subjectText(subject: Readonly<Record<string, unknown>>): string {
  const text = JSON.stringify(subject);
  return text.length <= SUBJECT_LENGTH_MAX ? text : JSON.stringify({ cut: text.slice(0, SUBJECT_LENGTH_MAX) });
}
