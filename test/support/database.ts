import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, inject, type TestContext } from "vitest";
import { type Database, type DatabaseLocation, openDatabase } from "../../src/database/index.ts";
import { type Logger, ManualClock, silentLogger } from "../../src/runtime/index.ts";
import { type PostgresCluster, postgresPrograms, sharedCluster } from "./postgres.ts";

export type EngineKind = DatabaseLocation["kind"];

const TEMPLATE = "template_mini_buildd";
const START_OF_TIME = new Date("2026-11-22T13:05:13.909Z");

/** A database of a test's own, with all schema migrations. */
export interface TestDatabase {
  readonly database: Database;
  readonly clock: ManualClock;
  readonly location: DatabaseLocation;
  /** Another server's view of the same database; closed at the end of the test. */
  openAnother(): Promise<Database>;
}

/** `describe.each(engines)("events on %s", (engine) => { const test = useDatabase(engine); … })`: both must behave the same. */
export const engines: readonly EngineKind[] = ["sqlite", "postgres"];

/** A fresh database for each test of the file or describe block. Read its fields inside tests only. */
export function useDatabase(engine: EngineKind = "sqlite", options: { readonly logger?: Logger } = {}): TestDatabase {
  let current: OpenTestDatabase | undefined;
  beforeEach(async (context) => {
    skipWithoutEngine(engine, context);
    current = await openTestDatabase(engine, options);
  });
  afterEach(async () => {
    await current?.dispose();
    current = undefined;
  });

  const open = (): OpenTestDatabase => {
    if (current === undefined) throw new Error("the test database exists inside tests only");
    return current;
  };
  return {
    get database() {
      return open().database;
    },
    get clock() {
      return open().clock;
    },
    get location() {
      return open().location;
    },
    openAnother: () => open().openAnother(),
  };
}

/** An empty place for a database, for each test: no file, or a PostgreSQL database without tables. */
export function useEmptyLocation(engine: EngineKind): () => DatabaseLocation {
  let current: Place | undefined;
  beforeEach(async (context) => {
    skipWithoutEngine(engine, context);
    current = engine === "sqlite" ? await sqlitePlace() : await postgresPlace("template0");
  });
  afterEach(async () => {
    await current?.remove();
    current = undefined;
  });
  return () => {
    if (current === undefined) throw new Error("the location exists inside tests only");
    return current.location;
  };
}

/** Without PostgreSQL its tests are skipped, with a message; with CI in the environment they fail, so that nobody forgets them there. */
function skipWithoutEngine(engine: EngineKind, context: TestContext): void {
  if (engine === "sqlite" || postgresPrograms() !== undefined) return;

  const message = "no PostgreSQL server in /usr/lib/postgresql: install Debian's package postgresql";
  if (process.env.CI !== undefined) throw new Error(message);
  context.skip(message);
}

interface Place<Location extends DatabaseLocation = DatabaseLocation> {
  readonly location: Location;
  readonly remove: () => Promise<void>;
}

interface OpenTestDatabase extends TestDatabase {
  dispose(): Promise<void>;
}

async function openTestDatabase(engine: EngineKind, options: { readonly logger?: Logger }): Promise<OpenTestDatabase> {
  const { location, remove } = engine === "sqlite" ? await sqliteClone() : await postgresPlace(TEMPLATE);
  const clock = new ManualClock(START_OF_TIME);
  const openOne = (): Promise<Database> => openDatabase(location, { clock, logger: options.logger ?? silentLogger });
  const database = await openOne();
  const opened = [database];
  return {
    database,
    clock,
    location,
    openAnother: async () => {
      const another = await openOne();
      opened.push(another);
      return another;
    },
    dispose: async () => {
      for (const each of opened) await each.close();
      await remove();
    },
  };
}

async function sqlitePlace(): Promise<Place<DatabaseLocation & { kind: "sqlite" }>> {
  const directory = join(inject("testRun").directory, randomUUID());
  await mkdir(directory);
  return {
    location: { kind: "sqlite", path: join(directory, "database.sqlite") },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

async function sqliteClone(): ReturnType<typeof sqlitePlace> {
  const templatePath = join(inject("testRun").directory, "template.sqlite");
  if (!existsSync(templatePath)) await makeSqliteTemplate(templatePath);

  const clone = await sqlitePlace();
  await copyFile(templatePath, clone.location.path);
  return clone;
}

/** Test files run in parallel: whoever is last replaces the template with an equal one. */
async function makeSqliteTemplate(path: string): Promise<void> {
  const { location, remove } = await sqlitePlace();
  await migrate(location);
  await rename(location.path, path);
  await remove();
}

async function postgresPlace(template: string): Promise<Place> {
  const cluster = await sharedCluster(inject("testRun"), makePostgresTemplate);
  const name = `test_${randomUUID().replaceAll("-", "")}`;
  await cluster.administrate(`create database ${name} template ${template}`);
  return {
    location: { kind: "postgres", connectionString: cluster.connectionString(name) },
    remove: () => cluster.administrate(`drop database ${name} with (force)`),
  };
}

async function makePostgresTemplate(cluster: PostgresCluster): Promise<void> {
  await cluster.administrate(`create database ${TEMPLATE} template template0`);
  await migrate({ kind: "postgres", connectionString: cluster.connectionString(TEMPLATE) });
}

async function migrate(location: DatabaseLocation): Promise<void> {
  const database = await openDatabase(location, { clock: new ManualClock(START_OF_TIME), logger: silentLogger });
  await database.close();
}
