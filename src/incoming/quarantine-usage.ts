import { type Limits, quotaKeyOf } from "../runtime/index.ts";
import { quarantineFull } from "./upload-errors.ts";

export type QuarantineLimits = Pick<
  Limits,
  "quarantineSizeBytesMax" | "quarantineFileCountMax" | "waitingChangesCountMax" | "quarantinePeerShareMax"
>;

/** What a file takes up; `sizeBytes` grows while it arrives. */
export interface UsedRoom {
  readonly peer: string;
  readonly isChanges: boolean;
  readonly sizeBytes: number;
}

interface Room {
  sizeBytes: number;
  files: number;
  changes: number;
}

/**
 * How full quarantine is, arriving bytes included: in all, and for each IPv4 address or IPv6 /64, so that one stranger
 * cannot take all of it. One process writes quarantine (the home lock), so counting in memory is exact; `Quarantine.open` starts it from the
 * rows.
 */
export class QuarantineUsage {
  readonly #maximum: Readonly<Room>;
  readonly #peerMaximum: Readonly<Room>;
  readonly #total: Room = { sizeBytes: 0, files: 0, changes: 0 };
  readonly #peers = new Map<string, Room>();

  constructor(limits: QuarantineLimits) {
    const share = limits.quarantinePeerShareMax;
    this.#maximum = {
      sizeBytes: limits.quarantineSizeBytesMax,
      files: limits.quarantineFileCountMax,
      changes: limits.waitingChangesCountMax,
    };
    this.#peerMaximum = {
      sizeBytes: Math.ceil(this.#maximum.sizeBytes * share),
      files: Math.ceil(this.#maximum.files * share),
      changes: Math.ceil(this.#maximum.changes * share),
    };
  }

  get sizeBytes(): number {
    return this.#total.sizeBytes;
  }

  get fileCount(): number {
    return this.#total.files;
  }

  /** Throws UPLOAD_QUARANTINE_FULL, and then counts nothing. */
  add(room: UsedRoom & { readonly isNewFile: boolean }): void {
    const more: Room = {
      sizeBytes: room.sizeBytes,
      files: room.isNewFile ? 1 : 0,
      changes: room.isNewFile && room.isChanges ? 1 : 0,
    };
    mustFit(this.#total, more, this.#maximum);
    mustFit(this.#ofPeer(room.peer), more, this.#peerMaximum);
    this.#change(room.peer, more, 1);
  }

  /** Whether so many bytes more could come; they are not counted yet. Throws UPLOAD_QUARANTINE_FULL. */
  mustFit(peer: string, sizeBytes: number): void {
    const more = { ...EMPTY, sizeBytes };
    mustFit(this.#total, more, this.#maximum);
    mustFit(this.#ofPeer(peer), more, this.#peerMaximum);
  }

  /** What is on disk already counts, whatever the limits say now. */
  countStored(room: UsedRoom): void {
    this.#change(room.peer, roomOf(room), 1);
  }

  /** The whole file goes. */
  remove(room: UsedRoom): void {
    this.#change(room.peer, roomOf(room), -1);
  }

  #change(peer: string, by: Readonly<Room>, sign: 1 | -1): void {
    const ofPeer = { ...this.#ofPeer(peer) };
    for (const room of [this.#total, ofPeer]) {
      room.sizeBytes += sign * by.sizeBytes;
      room.files += sign * by.files;
      room.changes += sign * by.changes;
    }
    if (ofPeer.files === 0) this.#peers.delete(quotaKeyOf(peer));
    else this.#peers.set(quotaKeyOf(peer), ofPeer);
  }

  #ofPeer(peer: string): Readonly<Room> {
    return this.#peers.get(quotaKeyOf(peer)) ?? EMPTY;
  }
}

const EMPTY: Readonly<Room> = { sizeBytes: 0, files: 0, changes: 0 };

function roomOf({ sizeBytes, isChanges }: UsedRoom): Room {
  return { sizeBytes, files: 1, changes: isChanges ? 1 : 0 };
}

function mustFit(used: Readonly<Room>, more: Readonly<Room>, maximum: Readonly<Room>): void {
  if (used.sizeBytes + more.sizeBytes > maximum.sizeBytes) throw quarantineFull("bytes", maximum.sizeBytes);
  if (used.files + more.files > maximum.files) throw quarantineFull("files", maximum.files);
  if (used.changes + more.changes > maximum.changes) throw quarantineFull("changes", maximum.changes);
}
