import { describe } from "vitest";
import { TableQueue } from "../../../src/queue/index.ts";
import { engines } from "../../support/database.ts";
import { describeJobQueue } from "./contract.ts";

describe.each(engines)("the queue in a table on %s", (engine) => {
  describeJobQueue(engine, (db) => new TableQueue(db.database, db.clock));
});
