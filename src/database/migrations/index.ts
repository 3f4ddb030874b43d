import type { SchemaMigration } from "../migration.ts";
import { core } from "./0001-core.ts";

/** All schema migrations in order. Append only. */
export const schemaMigrations: readonly SchemaMigration[] = [core];
