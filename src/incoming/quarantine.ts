import { randomUUID } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Selectable } from "kysely";
import type { Database, QuarantineFilesTable, Transaction } from "../database/index.ts";
import { isFileName } from "../formats/index.ts";
import { type Clock, type Limits, type Logger, makeDirectory } from "../runtime/index.ts";
import type { UploadChannel } from "./channel.ts";
import { recordRejection } from "./delivery-events.ts";
import { changesLostProblem } from "./delivery-problems.ts";
import { DiskReserve } from "./disk-reserve.ts";
import { FileIntake, type ReceivedFile } from "./file-intake.ts";
import { QuarantineUsage, type UsedRoom } from "./quarantine-usage.ts";
import { type Refusal, RefusalLog } from "./refusal-log.ts";
import { fileNameInvalid, filesChanged } from "./upload-errors.ts";

export type QuarantineRow = Selectable<QuarantineFilesTable>;

/**
 * - changes: a .changes that nobody has looked at yet.
 * - waiting: a .changes that was looked at and waits for missing files.
 * - file: waits for a .changes that lists it.
 * - spare: some .changes has used or judged it; still there for another .changes, but nobody needs to hear when it times
 *   out.
 */
export type QuarantineKind = "changes" | "waiting" | "file" | "spare";

/** SQLite and PostgreSQL both limit the parameters of a statement. */
const NAMES_PER_QUERY = 500;

export interface QuarantineOptions {
  /** HOME/quarantine */
  readonly path: string;
  readonly database: Database;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface IntakeRequest {
  readonly name: string;
  readonly channel: UploadChannel;
  readonly peer: string;
  readonly expectedSizeBytes?: number | undefined;
}

/** A file that came in, whole. Its row is stored. */
export interface Receipt {
  readonly id: string;
  readonly name: string;
  readonly sizeBytes: number;
  /** The sender went on as one does after a whole transfer: let the delivery worker see the file. May be called twice. */
  settle(): void;
  /** The sender gave up in the middle after all: forget the file, unless it was claimed. */
  withdraw(): Promise<void>;
}

/** One file being received. */
export interface Intake {
  write(chunk: Uint8Array): Promise<void>;
  finish(): Promise<Receipt>;
  abort(): Promise<void>;
}

/**
 * Keeps finished files by id, name and hash until a .changes claims them. Senders never see each other's files, and the
 * same name may be there any number of times.
 */
export class Quarantine {
  readonly #options: QuarantineOptions;
  readonly #usage: QuarantineUsage;
  readonly #refusals: RefusalLog;
  #onSettled: (row: QuarantineRow) => void = () => {};

  constructor(options: QuarantineOptions) {
    this.#options = options;
    this.#usage = new QuarantineUsage(options.limits);
    this.#refusals = new RefusalLog(options);
  }

  get usage(): { sizeBytes: number; fileCount: number } {
    return { sizeBytes: this.#usage.sizeBytes, fileCount: this.#usage.fileCount };
  }

  /** Called for each file that may be looked at now; must return at once. */
  onSettled(listener: (row: QuarantineRow) => void): void {
    this.#onSettled = listener;
  }

  /**
   * Make files and rows agree after a crash: parts, files without a row and rows without a file go; a .changes whose file
   * is gone is rejected. Call once, first.
   */
  async open(): Promise<void> {
    const { path, database, logger } = this.#options;
    await makeDirectory(path, 0o700);

    const rows = new Map((await database.read.selectFrom("quarantine_files").selectAll().execute()).map((row) => [row.id, row]));
    const names = new Set(await readdir(path));
    for (const name of names) {
      if (!rows.has(name)) await rm(join(path, name), { force: true, recursive: true });
    }

    const lost = [...rows.values()].filter((row) => !names.has(row.id));
    for (const row of lost) {
      logger.warn("quarantine file is gone, its row is removed", { name: row.name, id: row.id });
      rows.delete(row.id);
    }
    await database.transaction(async (tx) => {
      for (const row of lost.filter(isChangesRow)) await recordRejection(tx, { row, problems: [changesLostProblem(row.name)] });
      await this.deleteRows(tx, lost);
    });
    for (const row of rows.values()) this.#usage.countStored(roomOf(row));
  }

  /**
   * Start to receive a file. Throws UPLOAD_FILE_NAME_INVALID, UPLOAD_FILE_TOO_LARGE, UPLOAD_QUARANTINE_FULL,
   * UPLOAD_DISK_RESERVE.
   */
  async begin(request: IntakeRequest): Promise<Intake> {
    const { path, limits } = this.#options;
    if (!isFileName(request.name)) throw fileNameInvalid(request.name);

    const id = randomUUID();
    const isChanges = request.name.endsWith(".changes");
    let stored: QuarantineRow | undefined;
    const intake = await FileIntake.begin({
      name: request.name,
      peer: request.peer,
      path: join(path, id),
      isChanges,
      sizeBytesMax: isChanges ? limits.changesSizeBytesMax : limits.uploadFileSizeBytesMax,
      expectedSizeBytes: request.expectedSizeBytes,
      usage: this.#usage,
      reserve: new DiskReserve(path, limits.diskReserveBytes),
      record: async (file) => {
        stored = await this.#record(id, request, file, isChanges);
      },
    });
    return {
      write: (chunk) => intake.write(chunk),
      abort: () => intake.abort(),
      finish: async () => {
        await intake.finish();
        return this.#receipt(stored!);
      },
    };
  }

  /** For the protocols: a file was not let in, or not whole. Never throws. */
  async recordRefusal(refusal: Refusal): Promise<void> {
    await this.#refusals.record(refusal);
  }

  filePath(row: Pick<QuarantineRow, "id">): string {
    return join(this.#options.path, row.id);
  }

  async findChanges(): Promise<QuarantineRow[]> {
    return this.#options.database.read
      .selectFrom("quarantine_files")
      .selectAll()
      .where("kind", "in", ["changes", "waiting"])
      .orderBy("received_at")
      .execute();
  }

  async findRow(id: string): Promise<QuarantineRow | undefined> {
    return this.#options.database.read.selectFrom("quarantine_files").selectAll().where("id", "=", id).executeTakeFirst();
  }

  /** Files of these names that a .changes may claim, oldest first. */
  async findFiles(names: readonly string[]): Promise<QuarantineRow[]> {
    const rows: QuarantineRow[] = [];
    for (let start = 0; start < names.length; start += NAMES_PER_QUERY) {
      const query = this.#options.database.read
        .selectFrom("quarantine_files")
        .selectAll()
        .where("name", "in", names.slice(start, start + NAMES_PER_QUERY))
        .where("kind", "in", ["file", "spare"])
        .orderBy("received_at");
      rows.push(...(await query.execute()));
    }
    return rows;
  }

  /** Files that have waited long enough for a .changes. */
  async findExpiredFiles(now: Date): Promise<QuarantineRow[]> {
    return this.#options.database.read
      .selectFrom("quarantine_files")
      .selectAll()
      .where("kind", "in", ["file", "spare"])
      .where("expires_at", "<=", now.toISOString())
      .orderBy("received_at")
      .execute();
  }

  /** All of them are still there, in this transaction. Throws DELIVERY_FILES_CHANGED (`unavailable`). */
  async requireRows(tx: Transaction, rows: readonly QuarantineRow[]): Promise<void> {
    for (const { id } of rows) {
      const row = await tx.selectFrom("quarantine_files").select("id").where("id", "=", id).executeTakeFirst();
      if (row === undefined) throw filesChanged();
    }
  }

  /** A .changes lacks files. True when that is news. */
  async markWaiting(tx: Transaction, row: QuarantineRow, expiresAt: Date): Promise<boolean> {
    const kind: QuarantineKind = "waiting";
    const change = { kind, expires_at: expiresAt.toISOString() };
    await tx.updateTable("quarantine_files").set(change).where("id", "=", row.id).execute();
    return row.kind !== kind || row.expires_at !== change.expires_at;
  }

  async markSpare(tx: Transaction, rows: readonly QuarantineRow[]): Promise<void> {
    const kind: QuarantineKind = "spare";
    for (const row of rows) await tx.updateTable("quarantine_files").set({ kind }).where("id", "=", row.id).execute();
  }

  /** In the transaction that makes the rows unnecessary; `deleteFiles` of the rows it returns follows after the commit. */
  async deleteRows(tx: Transaction, rows: readonly QuarantineRow[]): Promise<QuarantineRow[]> {
    const deleted: QuarantineRow[] = [];
    for (const row of rows) {
      const result = await tx.deleteFrom("quarantine_files").where("id", "=", row.id).executeTakeFirst();
      if (result.numDeletedRows > 0n) deleted.push(row);
    }
    return deleted;
  }

  /** After the rows are gone. A crash in between is healed by `open`. */
  async deleteFiles(rows: readonly QuarantineRow[]): Promise<void> {
    for (const row of rows) {
      await rm(this.filePath(row), { force: true });
      this.#usage.remove(roomOf(row));
    }
  }

  async #record(id: string, request: IntakeRequest, file: ReceivedFile, isChanges: boolean): Promise<QuarantineRow> {
    const { clock, database, limits, logger } = this.#options;
    const receivedAt = clock.now();
    const row: QuarantineRow = {
      id,
      name: request.name,
      size_bytes: file.sizeBytes,
      sha256: file.sha256,
      kind: (isChanges ? "changes" : "file") satisfies QuarantineKind,
      channel: request.channel,
      peer: request.peer,
      received_at: receivedAt.toISOString(),
      expires_at: new Date(receivedAt.getTime() + limits.deliveryTimeoutMs).toISOString(),
    };
    await database.transaction((tx) => tx.insertInto("quarantine_files").values(row).execute());
    logger.info("file received", { name: row.name, sizeBytes: row.size_bytes, channel: row.channel, peer: row.peer });
    return row;
  }

  #receipt(row: QuarantineRow): Receipt {
    let isSettled = false;
    return {
      id: row.id,
      name: row.name,
      sizeBytes: row.size_bytes,
      settle: () => {
        if (isSettled) return;
        isSettled = true;
        this.#onSettled(row);
      },
      withdraw: async () => {
        if (isSettled) return;
        isSettled = true;
        await this.#withdraw(row);
      },
    };
  }

  async #withdraw(row: QuarantineRow): Promise<void> {
    const deleted = await this.#options.database.transaction((tx) => this.deleteRows(tx, [row]));
    if (deleted.length === 0) return;

    await this.deleteFiles(deleted);
    this.#options.logger.info("file withdrawn: its connection broke off", { name: row.name, peer: row.peer });
  }
}

export function isChangesRow(row: Pick<QuarantineRow, "kind">): boolean {
  return row.kind === "changes" || row.kind === "waiting";
}

function roomOf(row: QuarantineRow): UsedRoom {
  return { peer: row.peer, sizeBytes: row.size_bytes, isChanges: isChangesRow(row) };
}
