import { type Catalog, readCatalogInForce } from "../catalog/index.ts";
import { openDatabaseReader } from "../database/index.ts";
import { createLogger } from "../runtime/index.ts";
import type { Config } from "./config.ts";
import { homePaths } from "./home.ts";

/** For commands that work beside a running daemon. */
export async function readCatalog({ home, postgres }: Config): Promise<Catalog> {
  const paths = homePaths(home);
  const reader = openDatabaseReader(
    postgres === undefined ? { kind: "sqlite", path: paths.database } : { kind: "postgres", connectionString: postgres },
    { logger: createLogger("warn") },
  );
  try {
    return await readCatalogInForce(reader.read, { etcPath: paths.etc });
  } finally {
    await reader.close();
  }
}
