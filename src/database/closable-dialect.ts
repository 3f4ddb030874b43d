import type { Dialect } from "kysely";

/**
 * A dialect for one Kysely instance. Closing it instead of that instance makes later queries fail with our
 * DATABASE_CLOSED, which is no bug while the daemon stops; Kysely's own error could not be told from one.
 */
export interface ClosableDialect extends Dialect {
  close(): Promise<void>;
}
