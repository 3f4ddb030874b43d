/** Write the manual pages of all commands: `node tools/man-pages.ts DIRECTORY`. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { documentation } from "../src/cli/index.ts";

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error("usage: node tools/man-pages.ts DIRECTORY");
await mkdir(directory, { recursive: true });
for (const { fileName, roff } of documentation().manPages) await writeFile(join(directory, fileName), roff);
