import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type EndedCommand, runCommand } from "../../../src/runtime/index.ts";
import { changesName, makeChangesText, makeSource } from "../../support/packages.ts";
import { answerJson, TestServer } from "./test-server.ts";

const MAIN = join(import.meta.dirname, "../../../src/main.ts");
const CLEAR_SCREEN = "\u001b[H\u001b[2J";
const ERASE_LINE = "\r\u001b[K";

let directory: string;
let server: TestServer;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "mbd-terminal-"));
  server = new TestServer();
  await server.listen({ port: 0 });
});

afterEach(async () => {
  await server.close();
  await rm(directory, { recursive: true });
});

test("--watch shows the answer again and again in its place on a terminal, until Ctrl-C", async () => {
  const asked = whoIsOnWatch(4);

  const ended = await atTerminal(
    ["--endpoint", server.url, "whoami", "--watch", "0.1"],
    asked.then(() => "\u0003"),
  );

  const screens = ended.stdout.toString().split(CLEAR_SCREEN).slice(1);
  expect(screens.length).toBeGreaterThanOrEqual(3);
  for (const [index, screen] of screens.slice(0, 3).entries()) expect(screen).toMatch(new RegExp(`^reader${index + 1}, who may`));
  // 130 when Ctrl-C came while it asked.
  expect([0, 130]).toContain(ended.exitCode);
});

test("--watch where nobody looks prints the answers one after the other", async () => {
  const stop = new AbortController();
  void whoIsOnWatch(4).then(() => stop.abort());

  const argv = [process.execPath, MAIN, "--endpoint", server.url, "whoami", "--watch", "0.1"] as const;
  const ended = await runCommand({ argv: [...argv], env: { HOME: directory }, timeoutMs: 60_000, signal: stop.signal });

  expect(ended.stdout.toString()).toMatch(/^reader1, who[^]*reader2, who[^]*reader3, who/);
  expect(ended.stdout.toString()).not.toContain("\u001b");
});

test.each(["0", "soon", "0.01"])("--watch %s is no number of seconds", async (seconds) => {
  const ended = await command("--endpoint", server.url, "whoami", "--watch", seconds);

  expect([ended.exitCode, server.requests]).toEqual([2, []]);
});

test("--watch ends with the error when the answer is one", async () => {
  let count = 0;
  server.answer = (_, response) => {
    count += 1;
    if (count === 1) answerJson(response, { name: "ann", access: "staff", rights: [] });
    else answerJson(response, { status: 503, detail: "not now", code: "BUSY" }, 503);
  };

  const ended = await command("--endpoint", server.url, "whoami", "--watch", "0.1");

  expect(ended.stdout.toString()).toContain("ann");
  expect(ended.stderr.toString()).toContain("not now");
  expect(ended.exitCode).toBe(6);
});

test("an upload has a bar on a terminal that grows to the whole and leaves nothing behind", async () => {
  server.answer = (_, response) => void response.writeHead(201).end();
  const changesPath = await makeUpload();

  const ended = await atTerminal(["--endpoint", server.url, "dput", "--no-wait", changesPath]);

  const drawn = ended.stdout.toString().split(ERASE_LINE);
  const bars = drawn.filter((text) => text.startsWith("uploading ["));
  expect(bars.at(-1)).toMatch(/^uploading \[#{30}\] 100 % hello_1\.0_source\.changes$/);
  const shares = bars.map((bar) => Number(/(\d+) %/.exec(bar)?.[1]));
  expect(shares).toEqual(shares.toSorted((one, other) => one - other));
  expect(drawn.at(-1)?.trim()).toMatch(/^uploaded 3 files$/);
});

test("an upload where nobody looks has a line for each file, and no bar", async () => {
  server.answer = (_, response) => void response.writeHead(201).end();

  const ended = await command("--endpoint", server.url, "dput", "--no-wait", await makeUpload());

  expect(ended.stderr.toString()).toBe(
    "uploading hello_1.0.dsc\nuploading hello_1.0.tar.gz\nuploading hello_1.0_source.changes\nuploaded 3 files\n",
  );
});

test("archive verify has a bar by the files that are done, then the result", async () => {
  const status = { started_at: null, ended_at: null, bytes_done: 0, finding_count: 0, repaired_count: 0, findings: [] };
  const at = (state: string, filesDone: number) => ({
    ...status,
    state,
    repairing: false,
    files_done: filesDone,
    files_total: 4,
    problem: null,
  });
  const answers = [at("running", 0), at("running", 1), at("running", 3), at("done", 4)];
  server.answer = ({ method }, response) => answerJson(response, method === "POST" ? at("running", 0) : answers.shift());

  const ended = await atTerminal(["--endpoint", server.url, "archive", "verify"]);

  const bars = [...ended.stdout.toString().matchAll(/verifying \[([#.]{30})\] +(\d+) %/g)].map(([, , share]) => share);
  expect(bars).toEqual(["0", "25", "75"]);
  expect(ended.exitCode).toBe(0);
});

/** Answers differ; resolves when so many have been asked for. */
function whoIsOnWatch(count: number): Promise<void> {
  return new Promise((resolve) => {
    server.answer = (_, response) => {
      answerJson(response, { name: `reader${server.requests.length}`, access: "staff", rights: [] });
      if (server.requests.length === count) resolve();
    };
  });
}

async function makeUpload(): Promise<string> {
  // Not compressible: the bar has something to grow by.
  const noise = Array.from({ length: 400_000 }, (_, index) => ((index * 2_654_435_761) % 4_294_967_291).toString(36)).join("");
  const source = await makeSource(directory, { name: "hello", version: "1.0", upstreamText: noise });
  const path = join(directory, changesName(source));
  await writeFile(path, makeChangesText({ distribution: "d", source }));
  return path;
}

function command(...args: string[]): Promise<EndedCommand> {
  return runCommand({ argv: [process.execPath, MAIN, ...args], env: { HOME: directory }, timeoutMs: 60_000 });
}

/** Standard output has all that the terminal showed. */
function atTerminal(args: string[], typed: string | Promise<string> = ""): Promise<EndedCommand> {
  const line = [process.execPath, MAIN, ...args].map((arg) => `'${arg}'`).join(" ");
  return runCommand({
    argv: ["script", "--quiet", "--return", "--echo", "never", "--command", line, "/dev/null"],
    env: { HOME: directory, SHELL: "/bin/sh" },
    input: typed,
    timeoutMs: 60_000,
  });
}
