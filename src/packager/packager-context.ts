import type { Archive, MigrateRequest, MigrationResult } from "../archive/index.ts";
import type { OrderAptSource } from "../buildorder/index.ts";
import type { Catalog } from "../catalog/index.ts";
import type { Database, Transaction } from "../database/index.ts";
import type { FarmContext } from "../farm/index.ts";
import type { PublicKeys } from "../keyring/index.ts";
import type { Limits, Logger } from "../runtime/index.ts";
import type { OpenWorkshop } from "./made-sources/open-workshop.ts";

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
  readonly own: OwnUploads;
}

/** What this instance needs to make sources itself, and to upload them. */
export interface OwnUploads {
  readonly identity: string;
  readonly hostname: string;
  /** Base of our addresses, without a slash at the end. */
  readonly url: string;
  /** Ours: it signs what we make. */
  readonly publicKey: PublicKeys;
  readonly clearsign: (text: string) => Promise<Buffer>;
  /** JSON for dput-ng. */
  readonly dputProfile: () => string;
  /** Undefined where nothing is built. */
  readonly openWorkshop: OpenWorkshop | undefined;
  /** Keyring files that sources from elsewhere are verified with; those that are not there do not count. */
  readonly externalKeyrings: readonly string[];
  readonly migrate: (request: MigrateRequest) => Promise<MigrationResult>;
}

export type Reader = Database["read"] | Transaction;
