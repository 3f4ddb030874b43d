import { createReadStream, createWriteStream } from "node:fs";
import { appendFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip, gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type BuildLogSource, logText, readBuildLog, readLogTail } from "../../../src/views/index.ts";

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "mbd-log-"));
  path = join(directory, "hello_1_amd64.buildlog");
});

afterEach(() => rm(directory, { recursive: true }));

test("a log that is written meanwhile arrives whole, in order, and ends with the build", async () => {
  let hasEnded = false;
  const source: BuildLogSource = { path, hasEnded: () => Promise.resolve(hasEnded) };
  const lines = Array.from({ length: 500 }, (_, number) => `line ${number} →\n`);

  const reading = readAll(source, 0);
  for (const line of lines) await appendFile(path, line);
  hasEnded = true;

  expect(await reading).toBe(lines.join(""));
});

test("a reader that comes before the build, its directory and its log gets the log", async () => {
  const late = join(directory, "later", "x.buildlog");
  let hasEnded = false;
  const reading = readAll({ path: late, hasEnded: () => Promise.resolve(hasEnded) }, 0);

  await mkdir(join(directory, "later"));
  await writeFile(late, "hello\n");
  hasEnded = true;

  expect(await reading).toBe("hello\n");
});

test("a log that is compressed and removed while it is read loses nothing", async () => {
  let hasEnded = false;
  await writeFile(path, "first\n");
  const pieces = readBuildLog({ path, hasEnded: () => Promise.resolve(hasEnded) }, { offsetBytes: 0, follow: true });
  const first = await pieces.next();

  await appendFile(path, "second\n");
  await pipeline(createReadStream(path), createGzip(), createWriteStream(`${path}.gz`));
  await rm(path);
  hasEnded = true;

  expect(first.value?.bytes.toString()).toBe("first\n");
  expect((await pieces.next()).value?.bytes.toString()).toBe("second\n");
  expect((await pieces.next()).done).toBe(true);
});

test.each([0, 1, 5, 100_000, 300_000])("a kept log is read from offset %i on", async (offset) => {
  const content = Buffer.from(Array.from({ length: 60_000 }, (_, number) => `${number}\n`).join(""));
  await writeFile(`${path}.gz`, gzipSync(content));

  expect(await readAll({ path, hasEnded: () => Promise.resolve(true) }, offset)).toBe(content.subarray(offset).toString());
});

test("each piece says where to go on", async () => {
  const content = Buffer.from("a→\u001b[31mb\r\n".repeat(20_000));
  await writeFile(path, content);

  let text = "";
  for await (const piece of readBuildLog({ path, hasEnded: () => Promise.resolve(true) }, { offsetBytes: 0, follow: false })) {
    text += logText(piece.bytes);
    expect(logText(content.subarray(0, piece.endBytes))).toBe(text);
  }

  expect(text).toBe("a→b\n".repeat(20_000));
});

test("a reader that goes away while it waits ends at once", async () => {
  const controller = new AbortController();
  const reading = readAll({ path, hasEnded: () => Promise.resolve(false) }, 0, controller.signal);

  controller.abort();

  expect(await reading).toBe("");
});

test("no log and an ended build is an empty log", async () => {
  expect(await readAll({ path, hasEnded: () => Promise.resolve(true) }, 0)).toBe("");
  expect(await readLogTail(path, 1000)).toBeUndefined();
});

test.each(["plain", "kept"])("the tail of a %s log begins with a whole line", async (form) => {
  const content = Array.from({ length: 1000 }, (_, number) => `line ${number}\n`).join("");
  await (form === "plain" ? writeFile(path, content) : writeFile(`${path}.gz`, gzipSync(content)));

  const tail = await readLogTail(path, 25);

  expect(tail?.bytes.toString()).toBe("line 998\nline 999\n");
  expect(tail?.endBytes).toBe(content.length);
  expect(tail?.startBytes).toBe(content.length - 18);
});

async function readAll(source: BuildLogSource, offsetBytes: number, signal?: AbortSignal): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of readBuildLog(source, { offsetBytes, follow: true, signal })) pieces.push(piece.bytes);
  return Buffer.concat(pieces).toString();
}
