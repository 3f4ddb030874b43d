import type { Changes } from "../formats/index.ts";
import type { AppError, ErrorKind } from "../runtime/index.ts";
import type { MissingFile } from "./claim.ts";

/** Why a delivery is not taken; the shape of rules' Problem. */
export interface DeliveryProblem {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
}

const PROBLEMS_MAX = 20;

/** Kinds of error that are the sender's to correct; the others are ours or the world's. */
export function isSendersFault(kind: ErrorKind): boolean {
  return kind === "invalid" || kind === "forbidden" || kind === "unauthenticated" || kind === "conflict" || kind === "not-found";
}

export function problemOf(error: AppError): DeliveryProblem {
  return { code: error.code, message: error.message, hint: error.hint };
}

/** The largest listed file that could never come in. */
export function tooLargeProblems(changes: Changes, sizeBytesMax: number): DeliveryProblem[] {
  return changes.files
    .filter((entry) => entry.sizeBytes > sizeBytesMax)
    .map((entry) => ({
      code: "UPLOAD_FILE_TOO_LARGE",
      message: `${entry.name} has ${entry.sizeBytes} bytes, and a file may have at most ${sizeBytesMax}`,
      hint: "An administrator can raise the limit in [limits] of etc/mini-buildd.toml",
    }));
}

export function missingProblems(missing: readonly MissingFile[]): DeliveryProblem[] {
  const problems = missing.slice(0, PROBLEMS_MAX).map(missingProblem);
  if (missing.length <= PROBLEMS_MAX) return problems;

  return [...problems, { code: "DELIVERY_FILE_MISSING", message: `${missing.length - PROBLEMS_MAX} more files are missing` }];
}

function missingProblem({ entry, other }: MissingFile): DeliveryProblem {
  if (other === undefined) {
    return {
      code: "DELIVERY_FILE_MISSING",
      message: `${entry.name} (${entry.sizeBytes} bytes) is listed in the .changes and never came in`,
      hint: "Send the whole upload again: dput -f",
    };
  }
  return {
    code: "DELIVERY_FILE_DIFFERS",
    message:
      `${entry.name} came in with ${other.size_bytes} bytes and SHA-256 ${other.sha256}, ` +
      `but the .changes says ${entry.sizeBytes} bytes and ${entry.sha256}`,
    hint: "Build the source package again and send it as it is",
  };
}

export function changesLostProblem(name: string): DeliveryProblem {
  return {
    code: "DELIVERY_CHANGES_LOST",
    message: `${name} came in, but was gone from the disk before it was looked at`,
    hint: "Send the whole upload again: dput -f",
  };
}

export function unclaimedProblem(names: readonly string[], waitedMs: number): DeliveryProblem {
  const shown = names.slice(0, PROBLEMS_MAX).join(", ");
  const more = names.length > PROBLEMS_MAX ? ` and ${names.length - PROBLEMS_MAX} more` : "";
  return {
    code: "DELIVERY_CHANGES_MISSING",
    message: `no .changes that lists ${shown}${more} came in within ${Math.round(waitedMs / 60_000)} minutes`,
    hint: "Send the whole upload again, the .changes last, as dput does",
  };
}
