import type { Logger } from "../runtime/index.ts";
import type { ControlGroups } from "./control-groups.ts";
import type { DiskUse } from "./disk-use.ts";
import type { MemoryUse, ProcessMeter } from "./process-meter.ts";
import {
  inMebibytes,
  type LimitPassed,
  passedDisk,
  passedMemory,
  passedProcesses,
  type SessionLimits,
} from "./session-limits.ts";

const INTERVAL_MS = 1_000;
/** The kernel refuses the next process before anybody can count more than the limit. */
const PROCESSES_NEARLY = 0.98;
/** It counts those too that hold the session and enter it, which are not in its process namespace. */
const PROCESSES_OUTSIDE = 4;
/** Share of the machine's memory below which the session that has most gives way, if it has a good part of it. */
const MEMORY_RESERVE = 0.03;
const MEMORY_CULPRIT = 0.2;
/** Share of the disk reserve below which the session that wrote most gives way, if it wrote a good part of the reserve. */
const DISK_RESERVE = 1 / 2;
const DISK_CULPRIT = 1 / 16;

export interface WatchedSession {
  readonly id: string;
  readonly firstProcessId: number;
  /** Called once, before it is killed. */
  tell(passed: LimitPassed): void;
  kill(): void;
}

export interface SessionWatchParts {
  readonly limits: SessionLimits;
  readonly controlGroups: ControlGroups | undefined;
  readonly meter: ProcessMeter;
  readonly disk: DiskUse;
  readonly logger: Logger;
}

/**
 * Looks at every session of this process once a second, and ends one that passed a limit: that one only. Where the
 * kernel enforces memory and processes by control groups, it asks the kernel; the disk it always looks at itself.
 */
export class SessionWatch {
  readonly #parts: SessionWatchParts;
  readonly #sessions = new Map<string, WatchedSession>();
  /** Told already: what the kernel counted stays. */
  readonly #ended = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;

  constructor(parts: SessionWatchParts) {
    this.#parts = parts;
  }

  add(session: WatchedSession): void {
    this.#sessions.set(session.id, session);
    this.#timer ??= setInterval(() => void this.#look(), INTERVAL_MS);
  }

  /** It has ended. What its kernel enforced at the very end is found out here. */
  async remove(id: string): Promise<void> {
    const session = this.#sessions.get(id);
    if (session === undefined) return;

    this.#sessions.delete(id);
    if (this.#sessions.size === 0) this.#stop();
    const { controlGroups, limits } = this.#parts;
    const passed = await controlGroups?.passed(id, limits);
    if (passed !== undefined && !this.#ended.has(id)) session.tell(passed);
    this.#ended.delete(id);
    await controlGroups?.remove(id);
  }

  /** Also when sessions are left that would not end. */
  close(): void {
    this.#sessions.clear();
    this.#stop();
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (this.#sessions.size === 0) this.#parts.meter.stop();
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      await (this.#parts.controlGroups === undefined ? this.#lookAtProcesses() : this.#askKernel(this.#parts.controlGroups));
      await this.#lookAtDisk();
    } catch (error) {
      this.#parts.logger.warn("testbed sessions could not be looked at", { error });
    } finally {
      this.#isLooking = false;
    }
  }

  async #askKernel(controlGroups: ControlGroups): Promise<void> {
    for (const session of this.#sessions.values()) {
      const passed = await controlGroups.passed(session.id, this.#parts.limits);
      if (passed !== undefined) this.#end(session, passed);
    }
  }

  async #lookAtProcesses(): Promise<void> {
    const { limits, meter } = this.#parts;
    const sessions = [...this.#sessions.values()];
    const { uses, availableBytes, totalBytes } = await meter.measure(sessions.map(({ firstProcessId }) => firstProcessId));
    for (const session of sessions) {
      const use = uses.get(session.firstProcessId);
      if (use === undefined) continue;
      if (use.memoryBytes > limits.memoryBytesMax) this.#end(session, passedMemory(limits));
      else if (use.processes >= limits.processesMax * PROCESSES_NEARLY - PROCESSES_OUTSIDE)
        this.#end(session, passedProcesses(limits));
    }
    if (availableBytes < totalBytes * MEMORY_RESERVE) this.#relieveMemory(uses, totalBytes);
  }

  #relieveMemory(uses: ReadonlyMap<number, MemoryUse>, totalBytes: number): void {
    const used = (session: WatchedSession): number => uses.get(session.firstProcessId)?.memoryBytes ?? 0;
    const largest = [...this.#sessions.values()].toSorted((a, b) => used(b) - used(a))[0];
    if (largest === undefined || used(largest) < totalBytes * MEMORY_CULPRIT) return;

    const message = `the machine had no memory left, and it used most: ${inMebibytes(used(largest))}`;
    this.#end(largest, { limit: "memory", message, isOurs: true });
  }

  async #lookAtDisk(): Promise<void> {
    const { limits, disk } = this.#parts;
    const { diskBytesMax, diskReserveBytes } = limits;
    const freeBytes = await disk.freeBytes();
    const isLow = freeBytes < diskReserveBytes * DISK_RESERVE;
    const visible = await disk.measure([...this.#sessions.keys()], { freeBytes, isUrgent: isLow, bytesMax: diskBytesMax });
    if (visible === undefined) return;

    const uses = await this.#withDeletedFiles(visible);
    for (const [id, bytes] of uses) {
      const session = this.#sessions.get(id);
      if (session !== undefined && bytes > diskBytesMax) this.#end(session, passedDisk(limits));
    }
    const [id, bytes] = [...uses].filter(([id]) => this.#sessions.has(id)).toSorted(([, a], [, b]) => b - a)[0] ?? ["", 0];
    const largest = this.#sessions.get(id);
    if (!isLow || largest === undefined || bytes < diskReserveBytes * DISK_CULPRIT || bytes > diskBytesMax) return;

    const message = `the disk was nearly full, and it had written most: ${inMebibytes(bytes)} (limit diskReserveBytes)`;
    this.#end(largest, { limit: "disk", message, isOurs: true });
  }

  /** Files without a name take room as long as somebody has them open. */
  async #withDeletedFiles(visible: ReadonlyMap<string, number>): Promise<Map<string, number>> {
    const all = new Map<string, number>();
    for (const { id, firstProcessId } of this.#sessions.values()) {
      const bytes = visible.get(id);
      if (bytes !== undefined) all.set(id, bytes + (await this.#parts.meter.deletedFilesBytes(firstProcessId)));
    }
    return all;
  }

  #end(session: WatchedSession, passed: LimitPassed): void {
    // It is measured no more, but removed as usual, by whoever owns it.
    if (!this.#sessions.has(session.id) || this.#ended.has(session.id)) return;
    this.#ended.add(session.id);
    this.#parts.logger.warn("a testbed session passed a limit and is ended", { session: session.id, ...passed });
    session.tell(passed);
    session.kill();
  }
}
