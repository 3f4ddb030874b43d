import type { AccountsContext } from "../accounts/index.ts";
import type {
  MigrateRequest,
  MigrationAssessment,
  MigrationRequest,
  MigrationResult,
  RemoveRequest,
  RemoveResult,
  RestoreRequest,
  RestoreResult,
  UndoRequest,
  UndoResult,
} from "../archive/index.ts";
import type { CatalogChangeView, ResultOf, uploaders } from "../operations/index.ts";
import type { ViewContext } from "../views/index.ts";
import type { EngineActs } from "./engine-acts.ts";
import type { HistoryActs } from "./history-acts.ts";
import type { LogActs } from "./log-acts.ts";
import type { OwnSourceActs } from "./own-source-acts.ts";
import type { Caller } from "./visitor.ts";

/** Where this instance is reached and what it is. */
/** How uploads can come encrypted. */
export interface UploadEncryption {
  readonly ftps: "off" | "offered" | "required";
  /** Of the certificate of FTPS and HTTPS; undefined where it is no self-made one: clients know how to check that. */
  readonly certificateFingerprint: string | undefined;
  readonly httpsUrl: string | undefined;
  readonly sftp: { readonly port: number; readonly hostKeyFingerprint: string } | undefined;
}

export interface InstanceFacts {
  readonly version: string;
  readonly identity: string;
  readonly hostname: string;
  /** Of our Release files. */
  readonly origin: string;
  /** Base of all HTTP addresses, without a slash at the end. */
  readonly url: string;
  readonly ftpPort: number;
  readonly encryption: UploadEncryption;
  /** Builds at once. */
  readonly parallelBuilds: number;
  /** ASCII armor. */
  readonly publicKey: string;
}

export interface CatalogChanges {
  readonly changes: readonly CatalogChangeView[];
}

/** What moves source packages between distributions; `by` is for the record. */
export interface MovementActs {
  migrate(request: MigrateRequest): Promise<MigrationResult>;
  preview(request: MigrationRequest): Promise<MigrationAssessment>;
  remove(request: RemoveRequest): Promise<RemoveResult>;
  restore(request: RestoreRequest): Promise<RestoreResult>;
  undo(request: UndoRequest): Promise<UndoResult>;
}

/** What operations need; `daemon` makes it. Questions go to `views`, acts to the module that owns the state. */
export interface OperationContext {
  readonly instance: InstanceFacts;
  readonly views: ViewContext;
  readonly accounts: AccountsContext;
  /** Whose signatures count, per repository: the owners of keys in its keyrings and of approved ones. */
  listUploaders(repositories: readonly string[] | undefined): Promise<ResultOf<typeof uploaders>>;
  /** What etc/catalog.toml, as it is on disk now, would change. Throws what parsing it throws. */
  planCatalog(): Promise<CatalogChanges>;
  /** Put it in force; refuses to lose packages unless told so. */
  applyCatalog(options: { readonly withLoss: boolean; readonly by: Caller }): Promise<CatalogChanges>;
  /** Stop a build; returns the attempt it stopped, once that is stored. Throws when there is none or it has ended. */
  cancelBuild(buildId: string, by: Caller): Promise<string>;
  /** Build again what failed of an upload or build key; returns the name of the .changes. */
  retryUpload(key: string, by: Caller): Promise<string>;
  readonly movement: MovementActs;
  readonly engine: EngineActs;
  readonly log: LogActs;
  /** Of etc/dput.cf: for everybody's dput.cf, above the section; empty when there is none. */
  dputGlobal(): Promise<string>;
  readonly history: HistoryActs;
  readonly ownSources: OwnSourceActs;
}
