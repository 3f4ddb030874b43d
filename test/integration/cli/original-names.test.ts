import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { originalNames } from "../../../src/cli/index.ts";
import { type EndedCommand, runCommand } from "../../../src/runtime/index.ts";
import { changesName, makeChangesText, makeSource } from "../../support/packages.ts";
import { answerJson, TestServer } from "./test-server.ts";

const project = resolve(import.meta.dirname, "../../..");

let directory: string;
let server: TestServer;

/** The program under each of the original's names, as npm links them. */
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "mbd-names-"));
  for (const name of originalNames) await symlink(join(project, "src/main.ts"), join(directory, name));
  server = new TestServer();
  await server.listen({ port: 0 });
});

afterEach(async () => {
  await server.close();
  await rm(directory, { recursive: true });
});

test("the package links the program under every name", async () => {
  const { bin } = JSON.parse(await readFile(join(project, "package.json"), "utf8")) as { bin: Record<string, string> };

  expect(Object.keys(bin).toSorted()).toEqual(["mini-buildd", ...originalNames].toSorted());
  expect(new Set(Object.values(bin))).toEqual(new Set(["dist/main.js"]));
});

test("mini-buildd-api CALL ENDPOINT asks that instance", async () => {
  const entry = { version: "1.0", component: "main", architecture: "source", rollbacks: {} };
  server.answer = (_, response) => answerJson(response, { test: { "bookworm-test-unstable": entry } });

  const ended = await run("mini-buildd-api", "ls", server.url, "hello", "--json");

  expect(server.requests[0]?.path).toBe("/api/v1/ls?source=hello");
  expect(JSON.parse(ended.stdout.toString())).toEqual({ test: { "bookworm-test-unstable": entry } });
  expect(ended.exitCode).toBe(0);
});

test("mini-buildd-events ENDPOINT follows events until it is interrupted", async () => {
  const event = {
    id: 1,
    type: "INSTALLED",
    timestamp: "2026-11-22T13:05:13.909Z",
    distribution: "d",
    source: "hello",
    version: "1.0",
    architecture: null,
    upload: null,
    build: null,
    data: {},
  };
  server.answer = (_, response) =>
    void response.writeHead(200, { "content-type": "text/event-stream" }).write(`data: ${JSON.stringify(event)}\n\n`);
  const stop = new AbortController();
  let printed = "";

  await runCommand({
    argv: [process.execPath, join(directory, "mini-buildd-events"), server.url],
    env: { HOME: directory },
    timeoutMs: 60_000,
    signal: stop.signal,
    onOutput: (chunk) => {
      printed += Buffer.from(chunk).toString();
      if (printed.includes("\n")) stop.abort();
    },
  });

  expect(printed).toMatch(/INSTALLED +hello 1\.0/);
});

test("mini-buildd-dput uploads, and asks how it ended", async () => {
  const source = await makeSource(directory, { name: "hello", version: "1.0" });
  const path = join(directory, changesName(source));
  await writeFile(path, makeChangesText({ distribution: "d", source }));
  await writeFile(join(directory, ".dput.cf"), `[here]\nmethod = http\nfqdn = ${server.url.slice(7)}\nincoming = /upload\n`);
  const rejected = { id: 5, type: "REJECTED", timestamp: "2026-11-22T13:05:13.909Z", distribution: "d", source: "hello" };
  const about = { version: "1.0", architecture: null, build: null, upload: "hello/1.0/20261122:130513:909198" };
  const event = { ...rejected, ...about, data: { problems: [{ code: "X", message: "no such distribution" }] } };
  server.answer = (request, response) => {
    const isStream = request.path.startsWith("/api/v1/events?") && !request.path.includes("limit=");
    if (request.method === "PUT") response.writeHead(201).end();
    else if (isStream)
      response.writeHead(200, { "content-type": "text/event-stream" }).write(`data: ${JSON.stringify(event)}\n\n`);
    else answerJson(response, { events: [] });
  };

  const ended = await run("mini-buildd-dput", "--check-result", "here", path);

  expect(server.requests.filter(({ method }) => method === "PUT").map(({ path: sent }) => sent.split("/").at(-1))).toEqual([
    "hello_1.0.dsc",
    "hello_1.0.tar.gz",
    "hello_1.0_source.changes",
  ]);
  expect(ended.stdout.toString()).toContain("problem: no such distribution");
  expect(ended.exitCode).toBe(1);
});

test("mini-buildd-bootstrap-apt ENDPOINT gives the APT sources", async () => {
  server.answer = (_, response) => answerJson(response, "deb http://h/repositories/test/ d main\n");

  const ended = await run("mini-buildd-bootstrap-apt", server.url, "--codenames", "bookworm");

  expect(server.requests[0]?.path).toBe("/api/v1/sources-list?codenames=bookworm");
  expect(ended.stdout.toString()).toBe("deb http://h/repositories/test/ d main\n");
});

test("mini-buildd-backup FILE is the daemon's own command", async () => {
  const ended = await run("mini-buildd-backup", join(directory, "b.tar"), "--home", join(directory, "nothing"));

  expect(ended.stderr.toString()).toContain("(HOME_EMPTY)");
  expect(ended.exitCode).toBe(4);
});

test.each([
  "mini-buildd-ssh-setup",
  "mini-buildd-ssh-uploader-command",
  "mini-buildd-self-signed-certificate",
  "mini-buildd-import-08x",
])("%s says what is instead", async (name) => {
  const ended = await run(name, "x");

  expect(ended.stderr.toString()).toMatch(/^error: there is no mini-buildd-[\w-]+ here\n {2}\S.*\n {2}\(COMMAND_GONE\)\n$/);
  expect([ended.exitCode, server.requests]).toEqual([2, []]);
});

function run(name: string, ...args: string[]): Promise<EndedCommand> {
  return runCommand({ argv: [process.execPath, join(directory, name), ...args], env: { HOME: directory }, timeoutMs: 60_000 });
}
