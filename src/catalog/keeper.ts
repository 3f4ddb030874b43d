import { access, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Kysely } from "kysely";
import type { Database, Schema, Transaction } from "../database/index.ts";
import { AppError } from "../runtime/index.ts";
import type { Catalog } from "./catalog.ts";
import type { CatalogDocument } from "./document.ts";
import type { HostArchive } from "./host-archive.ts";
import { parseCatalog } from "./parse.ts";
import { type CatalogChange, emptyCatalogDocument, planCatalog } from "./plan.ts";
import { CatalogProblems } from "./problems.ts";
import { type ResolveOptions, resolveCatalog } from "./resolve.ts";
import { addRevision, findNewestRevision } from "./revisions.ts";
import { TomlLines } from "./toml-lines.ts";

/** A change, and whether packages that are there would no longer be served. */
export interface PlannedChange {
  readonly summary: string;
  readonly losesPackages: boolean;
}

export interface CatalogKeeperOptions {
  readonly database: Database;
  /** HOME/etc: catalog.toml and keyrings/ are in it. */
  readonly etcPath: string;
  /** Whether a distribution has packages now: the archive knows. */
  readonly holdsPackages: (db: Kysely<Schema>, distribution: string) => Promise<boolean>;
  /** Default: this machine's APT. */
  readonly readHost?: (() => Promise<HostArchive>) | undefined;
}

export interface ApplyOptions {
  /** Also when packages are no longer served after it. */
  readonly withLoss: boolean;
  /** Runs in the transaction that puts the catalog in force: the archive makes its distributions here. */
  readonly within?: ((tx: Transaction, catalog: Catalog) => Promise<void>) | undefined;
}

/** Holds the catalog in force, and takes edited ones. One per daemon. */
export class CatalogKeeper {
  readonly #options: CatalogKeeperOptions;
  #current: Catalog;

  private constructor(options: CatalogKeeperOptions, current: Catalog) {
    this.#options = options;
    this.#current = current;
  }

  /** With the newest accepted revision; an instance that never had one serves nothing yet. */
  static async open(options: CatalogKeeperOptions): Promise<CatalogKeeper> {
    return new CatalogKeeper(options, await readCatalogInForce(options.database.read, options));
  }

  /** In force. Ask again for each piece of work: an apply replaces it. */
  get current(): Catalog {
    return this.#current;
  }

  /** Look at the machine's APT and the keyrings again. Throws nothing for one codename's sake. */
  async refresh(): Promise<Catalog> {
    const { document } = this.#current;
    const refreshed = await resolveCatalog(document, this.#options);
    // Another one may have been applied meanwhile; that one is younger.
    if (this.#current.document === document) this.#current = refreshed;
    return this.#current;
  }

  /** What etc/catalog.toml, as it is now, would change. Throws CATALOG_INVALID, CATALOG_MISSING. */
  async plan(): Promise<PlannedChange[]> {
    const { document } = await this.#readEdited();
    return this.#weigh(this.#options.database.read, document);
  }

  /**
   * Put etc/catalog.toml, as it is now, in force. Without a difference only the machine is looked at again.
   * Throws what plan throws, and CATALOG_LOSES_PACKAGES (conflict).
   */
  async apply(options: ApplyOptions): Promise<PlannedChange[]> {
    const { toml, document } = await this.#readEdited();
    const catalog = await resolveCatalog(document, this.#options);

    return this.#options.database.transaction(async (tx) => {
      const changes = await this.#weigh(tx, document);
      const losses = changes.filter((change) => change.losesPackages);
      if (losses.length > 0 && !options.withLoss) throw losesPackages(losses);

      if (changes.length > 0) await addRevision(tx, toml);
      await options.within?.(tx, catalog);
      tx.afterCommit(() => {
        this.#current = catalog;
      });
      return changes;
    });
  }

  async #readEdited(): Promise<{ toml: string; document: CatalogDocument }> {
    const path = join(this.#options.etcPath, "catalog.toml");
    const toml = await readFile(path, "utf8").catch((error: unknown) => {
      throw catalogMissing(path, error);
    });
    const document = parseCatalog(toml);
    await this.#checkKeyrings(toml, document);
    return { toml, document };
  }

  async #checkKeyrings(toml: string, document: CatalogDocument): Promise<void> {
    const problems = new CatalogProblems(new TomlLines(toml));
    for (const [id, repository] of Object.entries(document.repositories)) {
      for (const name of repository["uploader-keyrings"]) {
        const path = resolve(this.#options.etcPath, "keyrings", name);
        const isReadable = await access(path).then(
          () => true,
          () => false,
        );
        if (!isReadable) problems.add(["repositories", id, "uploader-keyrings"], `${path} cannot be read`, "put the keys there");
      }
    }
    problems.throwIfAny();
  }

  async #weigh(db: Kysely<Schema>, document: CatalogDocument): Promise<PlannedChange[]> {
    const changes = planCatalog(this.#current.document, document);
    const weigh = async ({ summary, endangers }: CatalogChange): Promise<PlannedChange> => ({
      summary,
      losesPackages: endangers !== undefined && (await this.#options.holdsPackages(db, endangers)),
    });
    const weighed: PlannedChange[] = [];
    for (const change of changes) weighed.push(await weigh(change));
    return weighed;
  }
}

/** The catalog in force, for those who only read. */
export async function readCatalogInForce(db: Kysely<Schema>, options: ResolveOptions): Promise<Catalog> {
  const toml = await findNewestRevision(db);
  return resolveCatalog(toml === undefined ? emptyCatalogDocument : parseCatalog(toml), options);
}

function losesPackages(losses: readonly PlannedChange[]): AppError {
  return new AppError({
    kind: "conflict",
    code: "CATALOG_LOSES_PACKAGES",
    message: `packages would no longer be served:\n${losses.map(({ summary }) => `  ${summary}`).join("\n")}`,
    hint: "Remove or migrate those packages first, or apply again and say that they may go (with_loss)",
  });
}

function catalogMissing(path: string, cause: unknown): AppError {
  return new AppError({
    kind: "invalid",
    code: "CATALOG_MISSING",
    message: `${path} cannot be read`,
    hint: "Write it; docs/reference/catalog.md describes it, and the quickstart writes a first one",
    cause,
  });
}
