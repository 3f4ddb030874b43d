import type { Archive } from "../archive/index.ts";
import type { OrderAptSource } from "../buildorder/index.ts";
import type { Catalog } from "../catalog/index.ts";
import type { Database, Transaction } from "../database/index.ts";
import type { FarmContext } from "../farm/index.ts";
import type { PublicKeys } from "../keyring/index.ts";
import type { Limits, Logger } from "../runtime/index.ts";

/** What the functions of this module work with; made by the daemon. */
export interface PackagerContext {
  readonly database: Database;
  readonly logger: Logger;
  readonly limits: Limits;
  readonly farm: FarmContext;
  readonly archive: Archive;
  /** In force now; ask again for each piece of work. */
  readonly catalog: () => Catalog;
  /** Keys of users that were approved for a repository; they count beside its keyring files. */
  readonly uploaderKeys: (repositoryId: string) => Promise<readonly PublicKeys[]>;
  /** How builds see one of our own distributions: an APT source with our key inline. */
  readonly ownAptSource: (distribution: string, priority: number, revision: string) => OrderAptSource;
}

export type Reader = Database["read"] | Transaction;
