import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type EndedCommand, runCommand } from "../../../src/runtime/index.ts";
import { changesName, makeChangesText, makeSource } from "../../support/packages.ts";
import { answerJson, type SeenRequest, TestServer } from "./test-server.ts";

const MAIN = join(import.meta.dirname, "../../../src/main.ts");
const UPLOAD = "hello/1.0/20261122:130513:909198";
const ABOUT = {
  timestamp: "2026-11-22T13:05:13.909Z",
  distribution: "d",
  source: "hello",
  version: "1.0",
  architecture: null,
  build: null,
};

let directory: string;
let server: TestServer;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "mbd-cli-"));
  server = new TestServer();
});

afterEach(async () => {
  await server.close();
  await rm(directory, { recursive: true });
});

test("arguments of a command arrive as the operation's, and the result is a table", async () => {
  await server.listen({ port: 0 });
  const entry = { version: "1.0", component: "main", architecture: "source", rollbacks: {} };
  server.answer = (_, response) => answerJson(response, { test: { "bookworm-test-unstable": entry } });

  const ended = await command("--endpoint", server.url, "ls", "hello", "--codenames", "bookworm,trixie", "--min-version", "1.0~");

  expect(server.requests[0]?.path).toBe("/api/v1/ls?source=hello&codenames=bookworm%2Ctrixie&min_version=1.0%7E");
  expect(ended.stdout.toString()).toMatch(/^bookworm-test-unstable {2}1\.0 {4}/m);
  expect(ended.exitCode).toBe(0);
});

test.each([[["completion", "bash"]], [["ls", "--help"]], [["debug-build", "--help"]]])(
  "%j whose reader has gone ends as programs do that SIGPIPE ends, without a word",
  async (args) => {
    const child = spawn(process.execPath, [MAIN, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.destroy();
    const [[status], errors] = await Promise.all([once(child, "exit"), text(child.stderr)]);

    expect({ status, errors }).toEqual({ status: 141, errors: "" });
  },
);

test("a token in the environment speaks for its user", async () => {
  await server.listen({ port: 0 });
  server.answer = (_, response) => answerJson(response, { name: "ann", access: "staff", rights: [] });

  await commandWith({ MINI_BUILDD_TOKEN: "mbd_x" }, "--endpoint", server.url, "whoami");
  await command("--endpoint", server.url, "whoami");

  expect(server.requests.map(({ authorization }) => authorization)).toEqual(["Bearer mbd_x", undefined]);
});

test("a refusal shows what happened, what to do and the code, and its kind is the exit status", async () => {
  await server.listen({ port: 0 });
  const problem = {
    status: 404,
    title: "t",
    detail: "there is no upload x",
    code: "UPLOAD_NOT_FOUND",
    hint: "look at the events",
  };
  server.answer = (_, response) => answerJson(response, problem, 404);

  const ended = await command("--endpoint", server.url, "upload", "x");

  expect(ended.stderr.toString()).toBe("error: there is no upload x\n  look at the events\n  (UPLOAD_NOT_FOUND)\n");
  expect(ended.exitCode).toBe(4);
});

test.each([
  [["ls"], 2],
  [["nonsense"], 2],
  [["events", "--limit", "many"], 2],
  [["--endpoint", "http://127.0.0.1:1", "status"], 6],
  [["--help"], 0],
])("%j ends with %i", async (args, expected) => {
  expect((await command(...args)).exitCode).toBe(expected);
});

test("what is for the owner goes through the socket in the home", async () => {
  await mkdir(join(directory, "run"));
  await server.listen({ path: join(directory, "run", "control.sock") });
  server.answer = (_, response) => answerJson(response, { changes: [], applied: true });

  const ended = await command("--home", directory, "apply", "--with-loss");

  expect(server.requests).toMatchObject([{ method: "POST", path: "/api/v1/catalog-apply", body: '{"with_loss":true}' }]);
  expect(ended.exitCode).toBe(0);
});

test("dput sends the files, the .changes last, and --wait tells the way to its end, over a broken connection too", async () => {
  await server.listen({ port: 0 });
  const changesPath = await makeUpload();
  server.answer = daemonThatBreaksOff();

  const ended = await command("--endpoint", server.url, "dput", "--wait", changesPath);

  const sent = server.requests.filter(({ method }) => method === "PUT").map(({ path }) => path);
  expect(sent.length).toBeGreaterThan(2);
  expect(sent.at(-1)).toMatch(/\.changes$/);
  expect(ended.stdout.toString()).toMatch(/received[^]*installed[^]*published in d\n$/);
  expect(server.requests.filter(({ path }) => path.includes("after=7"))).toHaveLength(1);
  expect(ended.exitCode).toBe(0);
});

test("dput of a .changes whose file is missing sends nothing", async () => {
  await server.listen({ port: 0 });
  const changesPath = await makeUpload();
  await rm(join(directory, "hello_1.0.dsc"));

  const ended = await command("--endpoint", server.url, "dput", changesPath);

  expect(server.requests).toEqual([]);
  expect(ended.stderr.toString()).toContain("UPLOAD_FILE_MISSING");
  expect(ended.exitCode).toBe(2);
});

test("a rejected upload is told with its reasons, and the exit status says so", async () => {
  await server.listen({ port: 0 });
  const changesPath = await makeUpload();
  const problems = [{ code: "X", message: "the version is wrong", hint: "use another" }];
  const rejected = { ...ABOUT, id: 5, type: "REJECTED", upload: UPLOAD, data: { problems } };
  server.answer = (request, response) => {
    if (isStream(request)) response.writeHead(200, { "content-type": "text/event-stream" }).write(message(rejected));
    else answerJson(response, { events: [] });
  };

  const ended = await command("--endpoint", server.url, "wait", changesPath);

  expect(ended.stdout.toString()).toContain("problem: the version is wrong\n  use another\n");
  expect(ended.exitCode).toBe(1);
});

/** Takes files; its event stream ends in the middle, and goes on where the client comes back. */
function daemonThatBreaksOff(): TestServer["answer"] {
  const state = (id: number, to: string) => ({ ...ABOUT, id, type: "upload-state", upload: UPLOAD, data: { to } });
  const published = {
    ...ABOUT,
    id: 9,
    type: "publication-state",
    source: null,
    version: null,
    upload: null,
    data: { to: "published" },
  };
  return (request, response) => {
    if (request.method === "PUT") return void response.writeHead(201).end();
    if (!isStream(request)) return answerJson(response, { events: [] });

    response.writeHead(200, { "content-type": "text/event-stream" });
    if (request.path.includes("after=0")) response.end(message(state(6, "received")) + message(state(7, "checking")) + "data: {");
    else response.write(message(state(8, "installed")) + message(published));
    return undefined;
  };
}

function isStream({ path }: SeenRequest): boolean {
  return path.startsWith("/api/v1/events?") && !path.includes("limit=");
}

function message(event: object): string {
  return `data: ${JSON.stringify(event)}\n\n`;
}

async function makeUpload(): Promise<string> {
  const source = await makeSource(directory, { name: "hello", version: "1.0" });
  const path = join(directory, changesName(source));
  await writeFile(path, makeChangesText({ distribution: "d", source }));
  return path;
}

function command(...args: string[]): Promise<EndedCommand> {
  return commandWith({}, ...args);
}

function commandWith(env: Record<string, string>, ...args: string[]): Promise<EndedCommand> {
  return runCommand({ argv: [process.execPath, MAIN, ...args], env, timeoutMs: 60_000 });
}
