import { sql } from "kysely";
import { describe, expect, test } from "vitest";
import { type Database, openDatabase, type SchemaMigration } from "../../../src/database/index.ts";
import { ManualClock, silentLogger } from "../../../src/runtime/index.ts";
import { engines, useEmptyLocation } from "../../support/database.ts";

const first: SchemaMigration = {
  id: 1,
  name: "first",
  statements: ["create table fruits (id @id@, name text not null, peel @blob@)"],
};
const second: SchemaMigration = { id: 2, name: "second", statements: ["alter table fruits add column colour text"] };
const broken: SchemaMigration = { id: 2, name: "broken", statements: ["create table half (id @id@)", "create nonsense"] };

describe.each(engines)("schema migrations on %s", (engine) => {
  const location = useEmptyLocation(engine);

  async function open(migrations: readonly SchemaMigration[]): Promise<Database> {
    return openDatabase(location(), { clock: new ManualClock(new Date(0)), logger: silentLogger, migrations });
  }

  async function openAndClose(migrations: readonly SchemaMigration[]): Promise<void> {
    const database = await open(migrations);
    await database.close();
  }

  async function applied(migrations: readonly SchemaMigration[]): Promise<string[]> {
    const database = await open(migrations);
    const rows = await database.read.selectFrom("schema_migrations").select("name").orderBy("id").execute();
    await database.close();
    return rows.map(({ name }) => name);
  }

  test("are applied once, and later ones on top", async () => {
    await openAndClose([first]);

    expect(await applied([first])).toEqual(["first"]);
    expect(await applied([first, second])).toEqual(["first", "second"]);
    expect(await applied([first, second])).toEqual(["first", "second"]);
  });

  test("the program's own apply to an empty database", async () => {
    const database = await openDatabase(location(), { clock: new ManualClock(new Date(0)), logger: silentLogger });

    const { rows } = await sql`select count(*) as count from events`.execute(database.read);
    await database.close();

    expect(rows).toEqual([{ count: 0 }]);
  });

  test("a database that a newer program has used is refused and left alone", async () => {
    await openAndClose([first, second]);

    await expect(openAndClose([first])).rejects.toMatchObject({
      kind: "conflict",
      code: "DATABASE_NEWER",
      message: "the database has schema migration 2 (second); this program knows them up to 1",
    });
    expect(await applied([first, second])).toEqual(["first", "second"]);
  });

  test("one that was edited after it was applied is refused", async () => {
    await openAndClose([first]);
    const edited: SchemaMigration = { ...first, statements: ["create table fruits (id @id@)"] };

    await expect(openAndClose([edited, second])).rejects.toMatchObject({ kind: "conflict", code: "DATABASE_MIGRATION_CHANGED" });
    expect(await applied([first])).toEqual(["first"]);
  });

  test("line breaks and indentation are no edit", async () => {
    await openAndClose([first]);
    const reformatted: SchemaMigration = { ...first, statements: first.statements.map((text) => text.replaceAll(" ", "\n  ")) };

    expect(await applied([reformatted])).toEqual(["first"]);
  });

  test("one that fails half-way leaves nothing of itself, and everything of those before", async () => {
    await expect(openAndClose([first, broken])).rejects.toThrow(/syntax error/);

    expect(await applied([first])).toEqual(["first"]);
    expect(await applied([first, { ...broken, statements: ["create table half (id @id@)"] }])).toEqual(["first", "broken"]);
  });

  test("ids count up and a deleted row's id is never used again", async () => {
    const database = await open([first]);
    const insert = (): Promise<number> =>
      database.transaction(async (tx) => {
        const { rows } = await sql<{ id: number }>`insert into fruits (name) values ('apple') returning id`.execute(tx);
        return rows[0]!.id;
      });

    const ids = [await insert(), await insert()];
    await database.transaction((tx) => sql`delete from fruits`.execute(tx));
    ids.push(await insert());
    await database.close();

    expect(ids).toEqual([1, 2, 3]);
  });

  test("bytes come back as bytes", async () => {
    const database = await open([first]);
    const bytes = Buffer.from([0, 255, 10]);

    await database.transaction((tx) => sql`insert into fruits (name, peel) values ('apple', ${bytes})`.execute(tx));
    const { rows } = await sql<{ peel: Uint8Array }>`select peel from fruits`.execute(database.read);
    await database.close();

    expect(Buffer.from(rows[0]!.peel)).toEqual(bytes);
  });

  test("that are out of order are a bug", async () => {
    await expect(openAndClose([second, first])).rejects.toMatchObject({ kind: "bug" });
  });
});

describe("schema migrations on several servers", () => {
  const location = useEmptyLocation("postgres");

  test("that start at once are applied once", async () => {
    const servers = await Promise.all(
      Array.from({ length: 4 }, () => openDatabase(location(), { clock: new ManualClock(new Date(0)), logger: silentLogger })),
    );

    const rows = await servers[0]!.read.selectFrom("schema_migrations").select("id").orderBy("id").execute();
    for (const server of servers) await server.close();

    expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
    expect(rows[0]).toEqual({ id: 1 });
  });
});

describe("schema migrations of the embedded database", () => {
  const location = useEmptyLocation("sqlite");
  const tree: SchemaMigration = {
    id: 1,
    name: "tree",
    statements: [
      "create table parents (id integer primary key)",
      "create table children (parent_id integer not null references parents (id))",
      "insert into parents values (1)",
      "insert into children values (1)",
    ],
  };

  async function openAndClose(migrations: readonly SchemaMigration[]): Promise<void> {
    const database = await openDatabase(location(), { clock: new ManualClock(new Date(0)), logger: silentLogger, migrations });
    await database.close();
  }

  test("may make anew a table that others refer to", async () => {
    const statements = [
      "create table new_parents (id integer primary key, name text)",
      "insert into new_parents select id, 'x' from parents",
      "drop table parents",
      "alter table new_parents rename to parents",
    ];

    await expect(openAndClose([tree, { id: 2, name: "rebuild", statements }])).resolves.toBeUndefined();
  });

  test("may not leave a broken reference", async () => {
    const statements = ["delete from parents"];

    await expect(openAndClose([tree, { id: 2, name: "orphans", statements }])).rejects.toMatchObject({ kind: "bug" });
    await expect(openAndClose([tree])).resolves.toBeUndefined();
  });
});
