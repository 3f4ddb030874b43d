import { describe, expect, test } from "vitest";
import { insertNewRows, insertNewRowsReturning } from "../../../src/database/index.ts";
import { engines, useDatabase } from "../../support/database.ts";

const ADDED_AT = "2026-01-02T03:04:05.000Z";

describe.each(engines)("insertNewRows on %s", (engine) => {
  const db = useDatabase(engine);

  test("inserts what is not there, leaves alone what is, and says how many were new", async () => {
    const counts = await db.database.transaction(async (tx) => [
      await insertNewRows(tx, "pool_files", [poolFile("a", 1), poolFile("b", 1)]),
      await insertNewRows(tx, "pool_files", [poolFile("b", 2), poolFile("c", 2)]),
      await insertNewRows(tx, "pool_files", [poolFile("d", 2), poolFile("d", 3)]),
      await insertNewRows(tx, "pool_files", []),
    ]);

    expect(counts).toEqual([2, 1, 1, 0]);
    const rows = await db.database.read.selectFrom("pool_files").select(["sha256", "size_bytes"]).orderBy("sha256").execute();
    expect(rows.map(({ sha256, size_bytes }) => [sha256, size_bytes])).toEqual([
      ["a", 1],
      ["b", 1],
      ["c", 2],
      ["d", 2],
    ]);
  });

  test("returns columns of the new rows only, with the ids that they were given", async () => {
    const row = (type: string, data: string) => ({ type, data, occurred_at: ADDED_AT });
    const returned = await db.database.transaction((tx) =>
      insertNewRowsReturning(tx, "events", [row("A", 'it\'s "1"'), row("B", "%s ?1 $1")], ["id", "data"]),
    );

    const stored = await db.database.read.selectFrom("events").select(["id", "data"]).orderBy("id").execute();
    expect(returned.toSorted((a, b) => a.id - b.id)).toEqual(stored);
    expect(stored.map(({ data }) => data)).toEqual(['it\'s "1"', "%s ?1 $1"]);
  });

  test("takes null, bytes and 500 rows, again and again with other numbers of rows", async () => {
    const files = Array.from({ length: 500 }, (_, index) => poolFile(`file-${index}`, index));
    const paths = files.map(({ sha256, size_bytes }) => ({ sha256, paths: Buffer.from([0, size_bytes % 256, 255]) }));
    await db.database.transaction(async (tx) => {
      expect(await insertNewRows(tx, "pool_files", files)).toBe(500);
      let from = 0;
      for (let count = 1; from < paths.length; from += count++) {
        const some = paths.slice(from, from + count);
        expect(await insertNewRows(tx, "binary_package_paths", some)).toBe(some.length);
      }
      const event = { type: "A", upload_id: null, occurred_at: ADDED_AT, data: "{}" };
      expect(await insertNewRows(tx, "events", [event, { ...event, upload_id: "one" }])).toBe(2);
    });

    const stored = await db.database.read.selectFrom("binary_package_paths").selectAll().execute();
    expect(new Map(stored.map((row) => [row.sha256, Buffer.from(row.paths)]))).toEqual(
      new Map(paths.map((row) => [row.sha256, row.paths])),
    );
    const events = await db.database.read.selectFrom("events").select("upload_id").orderBy("id").execute();
    expect(events.map(({ upload_id }) => upload_id)).toEqual([null, "one"]);
  });
});

function poolFile(sha256: string, size_bytes: number) {
  return { sha256, size_bytes, md5: "m", sha1: "s", sha512: "t", added_at: ADDED_AT };
}
