import { existsSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../../runtime/index.ts";

/** There as long as a home is not whole. */
export function restoreMarkerPath(home: string): string {
  return join(home, "restore-incomplete");
}

/** Throws HOME_RESTORE_INCOMPLETE (conflict). */
export function refuseHalfRestored(home: string): void {
  if (!existsSync(restoreMarkerPath(home))) return;

  throw new AppError({
    kind: "conflict",
    code: "HOME_RESTORE_INCOMPLETE",
    message: `${home} was being restored from a backup, and that did not come to its end`,
    hint: "Run mini-buildd backup restore again, with the same file",
  });
}
