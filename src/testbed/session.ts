import type { EndedCommand } from "../runtime/index.ts";
import type { SessionCommand } from "./types.ts";

/** One use of a stack of layers. Made by `Testbeds.startSession`. */
export declare class Session {
  readonly id: string;
  /** Run a program inside to its end; never throws for the program's sake (see runtime's runCommand). */
  run(command: SessionCommand): Promise<EndedCommand>;
  /** Like run; anything but exit status 0 is an AppError TESTBED_COMMAND_FAILED (unavailable). */
  runChecked(command: SessionCommand): Promise<EndedCommand>;
  /** Copy a file or a directory's content of the host to a path inside; owned by root inside. */
  copyIn(hostPath: string, insidePath: string): Promise<void>;
  /** Copy regular files and directories from inside into a directory or file of the host; links and special files are left out. */
  copyOut(insidePath: string, hostPath: string): Promise<void>;
  /** Kill every process, unmount, remove what was written. May be called twice. */
  close(): Promise<void>;
}
