import { randomBytes } from "node:crypto";
import { closeSync, constants, openSync, readSync } from "node:fs";
import { basename, dirname, join } from "node:path";

const PREFIX = "lifeline-";

/** A new one of a directory. */
export function lifelinePath(directory: string): string {
  return join(directory, `${PREFIX}${randomBytes(3).toString("hex")}`);
}

/** Where the owner of a lifeline listens for its virtualisation servers. Short: a socket's path has 107 bytes. */
export function socketPath(lifeline: string): string {
  return join(dirname(lifeline), `v${basename(lifeline).slice(PREFIX.length)}`);
}

/**
 * A FIFO that its owner holds open for writing as long as it lives. Readers see end of file when the owner is gone,
 * however it went.
 */
export function holdLifeline(path: string): number {
  // Also for reading, or opening would wait for a reader.
  return openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
}

/** Does anybody hold this lifeline? False too when there is none. */
export function isLifelineHeld(path: string): boolean {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return false;
  }
  try {
    return readSync(descriptor, Buffer.alloc(1)) > 0;
  } catch (error) {
    // Nothing to read, but somebody who could write.
    return (error as NodeJS.ErrnoException).code === "EAGAIN";
  } finally {
    closeSync(descriptor);
  }
}
