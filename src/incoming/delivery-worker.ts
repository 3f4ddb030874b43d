import { AppError, asAppError } from "../runtime/index.ts";
import { acceptDelivery, type DeliveryContext, type DeliveryOutcome, giveUpDelivery, listedNames } from "./accept-delivery.ts";
import { recordUnclaimed } from "./delivery-events.ts";
import { problemOf, unclaimedProblem } from "./delivery-problems.ts";
import { isChangesRow, type QuarantineRow } from "./quarantine.ts";

type WaitingDelivery = Extract<DeliveryOutcome, { type: "waiting" }>;

interface Retry {
  readonly attempts: number;
  readonly atMs: number;
  /** Absent when not even the row could be read. */
  readonly peer: string | undefined;
  /** Of the files it lists; absent when it could not be read. */
  readonly names: readonly string[] | undefined;
}

const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 60_000;
/** Expiry needs no better timing. */
const LOOK_AGAIN_MS = 60_000;

/**
 * Looks at what came in, one .changes after the other. Its memory is only an index of the rows: after a restart it looks
 * at all of them again.
 */
export class DeliveryWorker {
  readonly #context: DeliveryContext;
  readonly #pending = new Set<string>();
  readonly #waiting = new Map<string, WaitingDelivery>();
  readonly #retries = new Map<string, Retry>();
  #isStopping = false;
  #isAwake = true;
  #wakeUp: () => void = () => {};
  #loop: Promise<void> | undefined;
  #idleListeners: (() => void)[] = [];

  constructor(context: DeliveryContext) {
    this.#context = context;
  }

  /** After `Quarantine.open`. Call once. */
  async start(): Promise<void> {
    this.#context.quarantine.onSettled((row) => this.#notice(row));
    for (const row of await this.#context.quarantine.findChanges()) this.#pending.add(row.id);
    this.#loop = this.#run();
  }

  /** Finish the .changes in hand, then end. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.wake();
    await this.#loop;
  }

  /** Look now at what is due, for instance because the clock was moved. */
  wake(): void {
    this.#isAwake = true;
    this.#wakeUp();
  }

  /** Resolves when everything that came in so far has been looked at. */
  async idle(): Promise<void> {
    const done = new Promise<void>((resolve) => void this.#idleListeners.push(resolve));
    this.wake();
    await done;
  }

  #notice(row: QuarantineRow): void {
    if (isChangesRow(row)) {
      this.#pending.add(row.id);
    } else {
      for (const [id, delivery] of this.#waiting) {
        if (delivery.names.includes(row.name)) this.#pending.add(id);
      }
    }
    this.wake();
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      this.#isAwake = false;
      const listeners = this.#idleListeners.splice(0);
      try {
        await this.#work();
      } catch (error) {
        // The database is gone, perhaps: rows are not, so looking again later loses nothing.
        this.#context.logger.error("the delivery worker failed", { error });
      }
      for (const listener of listeners) listener();
      await this.#sleep();
    }
    for (const listener of this.#idleListeners.splice(0)) listener();
  }

  async #work(): Promise<void> {
    this.#addDue();
    for (const id of this.#pending) {
      if (this.#isStopping) return;
      this.#pending.delete(id);
      await this.#look(id);
    }
    await this.#expireFiles();
  }

  #addDue(): void {
    const nowMs = this.#context.clock.now().getTime();
    for (const [id, delivery] of this.#waiting) if (delivery.expiresAt.getTime() <= nowMs) this.#pending.add(id);
    for (const [id, retry] of this.#retries) if (retry.atMs <= nowMs) this.#pending.add(id);
  }

  async #look(id: string): Promise<void> {
    this.#waiting.delete(id);
    let row: QuarantineRow | undefined;
    try {
      row = await this.#context.quarantine.findRow(id);
      const outcome = row && (await acceptDelivery(this.#context, row));
      this.#retries.delete(id);
      if (outcome?.type === "waiting") this.#waiting.set(id, outcome);
    } catch (error) {
      await this.#retryLater(id, row, error);
    }
  }

  /** The world's fault or ours. Until its time is over the .changes is tried again; then its sender must hear of it. */
  async #retryLater(id: string, row: QuarantineRow | undefined, error: unknown): Promise<void> {
    const { clock, logger } = this.#context;
    const isExpected = error instanceof AppError && error.kind === "unavailable";
    logger[isExpected ? "warn" : "error"]("a delivery could not be looked at", { error, changes: row?.name, id });

    // First of all: rejecting may fail as well, and must then be tried again.
    const attempts = (this.#retries.get(id)?.attempts ?? 0) + 1;
    const atMs = clock.now().getTime() + Math.min(RETRY_FIRST_MS * 2 ** (attempts - 1), RETRY_MAX_MS);
    const names = row && (await listedNames(this.#context, row));
    this.#retries.set(id, { attempts, atMs, peer: row?.peer, names });
    if (row === undefined || new Date(row.expires_at) > clock.now()) return;

    try {
      await giveUpDelivery(this.#context, row, problemOf(asAppError(error)));
      this.#retries.delete(id);
    } catch (rejectError) {
      logger.error("a delivery could not be rejected", { error: rejectError, changes: row.name, id });
    }
  }

  /** A waiting .changes keeps the files that it has already found, one that is tried again those that it lists. */
  async #expireFiles(): Promise<void> {
    const { quarantine, database, limits, clock, logger } = this.#context;
    const used = new Set([...this.#waiting.values()].flatMap((delivery) => delivery.usedIds));
    const found = await quarantine.findExpiredFiles(clock.now());
    const expired = found.filter((row) => !used.has(row.id) && !this.#isKeptForRetry(row));
    for (const rows of Map.groupBy(expired, (row) => `${row.kind} ${row.channel} ${row.peer}`).values()) {
      const problem = unclaimedProblem(
        rows.map((row) => row.name),
        limits.deliveryTimeoutMs,
      );
      const gone = await database.transaction(async (tx) => {
        if (rows[0]?.kind === "file") await recordUnclaimed(tx, rows, problem);
        return quarantine.deleteRows(tx, rows);
      });
      await quarantine.deleteFiles(gone);
      logger.info("unclaimed files removed", { count: gone.length, kind: rows[0]?.kind, peer: rows[0]?.peer });
    }
  }

  /** What a .changes lists that cannot be read now is not known: then all files of its sender, or of everybody. */
  #isKeptForRetry(file: QuarantineRow): boolean {
    return [...this.#retries.values()].some(({ names, peer }) => names?.includes(file.name) ?? (peer ?? file.peer) === file.peer);
  }

  async #sleep(): Promise<void> {
    if (this.#isAwake || this.#isStopping) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#nextDelayMs());
      this.#wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #nextDelayMs(): number {
    const dueMs = [
      ...[...this.#waiting.values()].map((delivery) => delivery.expiresAt.getTime()),
      ...[...this.#retries.values()].map((retry) => retry.atMs),
    ];
    const delaysMs = dueMs.map((due) => due - this.#context.clock.now().getTime());
    return Math.max(50, Math.min(LOOK_AGAIN_MS, ...delaysMs));
  }
}
