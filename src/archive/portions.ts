/** Statements have a limited number of parameters: SQLite 32 766, PostgreSQL 65 535; these rows have up to 20 columns. */
const ROWS_PER_STATEMENT = 500;

/** Rows in portions that fit into one statement. */
export function* portions<Row>(rows: readonly Row[]): Generator<Row[]> {
  for (let from = 0; from < rows.length; from += ROWS_PER_STATEMENT) yield rows.slice(from, from + ROWS_PER_STATEMENT);
}
