import type { CatalogChangeView } from "../operations/index.ts";
import type { ViewContext } from "../views/index.ts";

/** Where this instance is reached and what it is. */
export interface InstanceFacts {
  readonly version: string;
  readonly identity: string;
  readonly hostname: string;
  /** Base of all HTTP addresses, without a slash at the end. */
  readonly url: string;
  readonly ftpPort: number;
  /** Builds at once. */
  readonly parallelBuilds: number;
  /** ASCII armor. */
  readonly publicKey: string;
}

/** Who calls: for permission and for the record. */
export interface Caller {
  readonly name: string;
}

export interface CatalogChanges {
  readonly changes: readonly CatalogChangeView[];
}

/** What operations need; `daemon` makes it. Questions go to `views`, acts to the module that owns the state. */
export interface OperationContext {
  readonly instance: InstanceFacts;
  readonly views: ViewContext;
  /** What etc/catalog.toml, as it is on disk now, would change. Throws what parsing it throws. */
  planCatalog(): Promise<CatalogChanges>;
  /** Put it in force; refuses to lose packages unless told so. */
  applyCatalog(options: { readonly withLoss: boolean; readonly by: Caller }): Promise<CatalogChanges>;
  /** Stop a build; returns the attempt it stopped, once that is stored. Throws when there is none or it has ended. */
  cancelBuild(buildId: string, by: Caller): Promise<string>;
}
