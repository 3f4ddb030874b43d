/** The program that gathers the packages to judge: a question on standard input, the answer on standard output. */
import { text } from "node:stream/consumers";
import { openDatabaseReader } from "../database/index.ts";
import { silentLogger } from "../runtime/index.ts";
import type { UniverseQuestion } from "./installability-child.ts";
import { writeUniverse } from "./installability-universe.ts";

const { location, request } = JSON.parse(await text(process.stdin)) as UniverseQuestion;
// Slow queries are what this program is for.
const reader = openDatabaseReader(location, { logger: silentLogger });
try {
  process.stdout.write(JSON.stringify(await writeUniverse(reader.read, request)));
} finally {
  await reader.close();
}
