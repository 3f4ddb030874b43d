import { CompiledQuery, type Insertable, type Selectable, sql } from "kysely";
import type { Schema } from "./schema.ts";
import type { Transaction } from "./transaction.ts";

/** Those of an import, with its usual number of rows; a statement of 500 rows of 20 columns has 50 kB. */
const TEXTS_MAX = 32;

/** Texts of statements by their tables, columns and numbers of rows, for each engine. */
const texts = new WeakMap<object, Map<string, string>>();

/**
 * Insert rows that all have the columns of the first one, with one statement; those that are there already are left alone, whatever
 * they hold. Returns how many were not. For many rows: Kysely makes and compiles a node for each value of each statement, which
 * takes longer than what SQLite does with it.
 */
export async function insertNewRows<Table extends keyof Schema>(
  tx: Transaction,
  table: Table,
  rows: readonly Insertable<Schema[Table]>[],
): Promise<number> {
  if (rows.length === 0) return 0;
  const { numAffectedRows } = await tx.executeQuery(insertion(tx, { table, rows, returned: [] }));
  return Number(numAffectedRows);
}

/** The same; returns columns of those that were not there. */
export async function insertNewRowsReturning<Table extends keyof Schema, Column extends keyof Schema[Table] & string>(
  tx: Transaction,
  table: Table,
  rows: readonly Insertable<Schema[Table]>[],
  returned: readonly Column[],
): Promise<Pick<Selectable<Schema[Table]>, Column & keyof Selectable<Schema[Table]>>[]> {
  if (rows.length === 0) return [];
  type Returned = Pick<Selectable<Schema[Table]>, Column & keyof Selectable<Schema[Table]>>;
  return (await tx.executeQuery<Returned>(insertion(tx, { table, rows, returned }))).rows;
}

interface Insertion {
  readonly table: string;
  readonly rows: readonly object[];
  readonly returned: readonly string[];
}

function insertion(tx: Transaction, { table, rows, returned }: Insertion): CompiledQuery<never> {
  const columns = Object.keys(rows[0] ?? {});
  const parameters: unknown[] = [];
  for (const row of rows as readonly Readonly<Record<string, unknown>>[]) {
    for (const column of columns) parameters.push(row[column]);
  }
  return CompiledQuery.raw(statementText(tx, { table, columns, rowCount: rows.length, returned }), parameters);
}

interface Statement {
  readonly table: string;
  readonly columns: readonly string[];
  readonly rowCount: number;
  readonly returned: readonly string[];
}

function statementText(tx: Transaction, statement: Statement): string {
  const { adapter } = tx.getExecutor();
  const known = texts.get(adapter) ?? new Map<string, string>();
  texts.set(adapter, known);
  const { table, columns, rowCount, returned } = statement;
  const key = [table, rowCount, ...columns, "returning", ...returned].join(" ");
  const text = known.get(key) ?? compile(tx, statement);
  // The one used last is the last to go.
  known.delete(key);
  known.set(key, text);
  const oldest = known.keys().next().value;
  if (known.size > TEXTS_MAX && oldest !== undefined) known.delete(oldest);
  return text;
}

/** With the placeholders of the engine. */
function compile(tx: Transaction, { table, columns, rowCount, returned }: Statement): string {
  const namesOf = (names: readonly string[]) => sql.join(names.map((name) => sql.ref(name)));
  const row = sql`(${sql.join(columns.map(() => sql`${null}`))})`;
  const rows = sql.join(Array.from({ length: rowCount }, () => row));
  const returning = returned.length === 0 ? sql`` : sql` returning ${namesOf(returned)}`;
  return sql`insert into ${sql.table(table)} (${namesOf(columns)}) values ${rows} on conflict do nothing${returning}`.compile(tx)
    .sql;
}
