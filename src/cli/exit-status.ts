import { AppError, type ErrorKind } from "../runtime/index.ts";

const EXIT_STATUS: Readonly<Record<ErrorKind, number>> = {
  invalid: 2,
  unauthenticated: 3,
  forbidden: 3,
  "not-found": 4,
  conflict: 5,
  unavailable: 6,
  bug: 70,
};

/** An upload that was taken but did not get to its end: the command did its work, the package did not. */
export const EXIT_UPLOAD_FAILED = 1;
/** The archive was looked at, and is not whole. */
export const EXIT_NOT_WHOLE = 1;

export function exitStatus(error: AppError): number {
  return EXIT_STATUS[error.kind];
}
