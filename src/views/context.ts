import type { Kysely } from "kysely";
import type { Schema } from "../database/index.ts";
import type { EventLog } from "../events/index.ts";
import type { ServedRepository } from "./served.ts";

/** What read-only questions need. */
export interface ViewContext {
  /** The read-only connection (`Database.read`). */
  readonly db: Kysely<Schema>;
  readonly events: EventLog;
  /** HOME/builds: where build logs are. */
  readonly buildsPath: string;
  /** What is served now, in the order of the catalog. */
  served(): readonly ServedRepository[];
}
