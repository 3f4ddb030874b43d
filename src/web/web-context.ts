import type { OperationContext } from "../handlers/index.ts";
import type { Clock } from "../runtime/index.ts";
import type { StaticFiles } from "./static-files.ts";

/** What every page may use. */
export interface WebContext {
  readonly context: OperationContext;
  readonly clock: Clock;
  readonly files: StaticFiles;
}
