import { totalmem } from "node:os";
import { defaultLimits } from "../runtime/index.ts";
import type { TestbedLimits } from "./types.ts";

/** What one session may use. Passing one ends that session and no other. */
export interface SessionLimits {
  /** Processes and threads at once. */
  readonly processesMax: number;
  readonly memoryBytesMax: number;
  /** What it writes to the disk. */
  readonly diskBytesMax: number;
  /** Free space of the disk that the session which wrote most has to give way for, whatever it wrote. */
  readonly diskReserveBytes: number;
}

/** Why a session was ended. */
export interface LimitPassed {
  readonly limit: "processes" | "memory" | "disk";
  /** For people: which limit, and its value. */
  readonly message: string;
  /** It kept to its limits; the machine did not have as much. */
  readonly isOurs: boolean;
}

const MEBIBYTE = 1024 ** 2;

export function sessionLimits(limits: TestbedLimits = defaultLimits): SessionLimits {
  return {
    processesMax: limits.buildProcessesMax,
    memoryBytesMax: Math.floor(totalmem() * limits.buildMemoryShareMax),
    diskBytesMax: limits.buildDiskBytesMax,
    diskReserveBytes: limits.diskReserveBytes,
  };
}

export function passedProcesses({ processesMax }: SessionLimits): LimitPassed {
  const message = `it had more than ${processesMax} processes and threads at once (limit buildProcessesMax)`;
  return { limit: "processes", message, isOurs: false };
}

export function passedMemory({ memoryBytesMax }: SessionLimits): LimitPassed {
  const message = `it used more than ${inMebibytes(memoryBytesMax)} of memory (limit buildMemoryShareMax)`;
  return { limit: "memory", message, isOurs: false };
}

export function passedDisk({ diskBytesMax }: SessionLimits): LimitPassed {
  const message = `it wrote more than ${inMebibytes(diskBytesMax)} to the disk (limit buildDiskBytesMax)`;
  return { limit: "disk", message, isOurs: false };
}

export function inMebibytes(bytes: number): string {
  return `${Math.floor(bytes / MEBIBYTE)} MiB`;
}
