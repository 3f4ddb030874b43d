import { AppError } from "../runtime/index.ts";

const MAKE_ROOM = "Send the upload again later; the administrator must make room";

/** Refusals of a single file, the same over every protocol; the protocols map them to their own reply codes. */

export function fileNameInvalid(name: string): AppError {
  return new AppError({
    kind: "invalid",
    code: "UPLOAD_FILE_NAME_INVALID",
    message: `${JSON.stringify(name.slice(0, 100))} is no name of a file of a Debian upload`,
    hint: "Names are letters, digits and + . ~ _ : -, and start with a letter or digit",
    facts: { name },
  });
}

export function fileTooLarge(name: string, sizeBytesMax: number): AppError {
  return new AppError({
    kind: "invalid",
    code: "UPLOAD_FILE_TOO_LARGE",
    message: `${name} is larger than the ${sizeBytesMax} bytes a file of its kind may have`,
    hint: "An administrator can raise the limit in [limits] of etc/mini-buildd.toml",
    facts: { name, sizeBytesMax },
  });
}

export function quarantineFull(what: "bytes" | "files" | "changes", limit: number): AppError {
  return new AppError({
    kind: "unavailable",
    code: "UPLOAD_QUARANTINE_FULL",
    message: `files that no .changes has claimed yet take up all their room (${limit} ${what})`,
    hint: "Send the upload again later; unclaimed files are removed after a while",
    facts: { what, limit },
  });
}

export function diskReserveReached(reserveBytes: number): AppError {
  return new AppError({
    kind: "unavailable",
    code: "UPLOAD_DISK_RESERVE",
    message: `the disk has less than its reserve of ${reserveBytes} bytes left, so uploads are refused`,
    hint: MAKE_ROOM,
    facts: { reserveBytes },
  });
}

export function diskFull(cause: unknown): AppError {
  return new AppError({ kind: "unavailable", code: "UPLOAD_DISK_FULL", message: "the disk is full", hint: MAKE_ROOM, cause });
}

/** Its message must not tell the address: refusals are public events. */
export function peerBusy(message: string): AppError {
  return new AppError({
    kind: "unavailable",
    code: "UPLOAD_PEER_BUSY",
    message,
    hint: "Send the upload again in a minute, with fewer connections",
  });
}

export function transferCut(name: string, receivedBytes: number, expectedBytes?: number): AppError {
  const expected = expectedBytes === undefined ? "" : ` of ${expectedBytes}`;
  return new AppError({
    kind: "invalid",
    code: "UPLOAD_TRANSFER_CUT",
    message: `the transfer of ${name} ended after ${receivedBytes}${expected} bytes; nothing of it was kept`,
    hint: "Send the file again",
    facts: { name, receivedBytes, expectedBytes },
  });
}

export function filesChanged(): AppError {
  return new AppError({
    kind: "unavailable",
    code: "DELIVERY_FILES_CHANGED",
    message: "files of a delivery went away while it was looked at",
  });
}

export function fromBrowser(): AppError {
  return new AppError({
    kind: "invalid",
    code: "UPLOAD_FROM_BROWSER",
    message: "browsers cannot upload here: any page could make them",
    hint: "Upload with dput, or with a program that sends neither Origin nor Sec-Fetch headers",
  });
}
