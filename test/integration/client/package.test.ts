import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type EndedCommand, runCommand } from "../../../src/runtime/index.ts";
import { TestSite } from "../../support/site.ts";

const project = resolve(import.meta.dirname, "../../..");

let site: TestSite;
let url: string;
let directory: string;

beforeAll(async () => {
  site = await TestSite.open();
  url = await site.start();
  directory = await mkdtemp(join(tmpdir(), "mbd-client-"));
  await mkdir(join(directory, "node_modules"));
  await symlink(project, join(directory, "node_modules", "mini-buildd"));
  await writeFile(join(directory, "package.json"), '{"type": "module"}');
});

afterAll(async () => {
  await site?.close();
  await rm(directory, { recursive: true, force: true });
});

test("a program of others calls operations and follows events with the package's client", async () => {
  const program = `
    import { AppError, connect, operations } from "mini-buildd/client";
    const client = connect(${JSON.stringify(url)});
    const { identity } = await client.call(operations.status);
    const refused = await client.call(operations.cancel, { bkey: "x" }).catch((error) => error);
    console.log(identity, refused instanceof AppError, refused.kind, refused.code);
    const end = new AbortController();
    for await (const event of client.events({ afterId: 0, signal: end.signal })) {
      console.log(event.type, event.source);
      end.abort();
    }`;
  await writeFile(join(directory, "program.js"), program);
  await site.record({ type: "INSTALLED", source: "hello" });

  const ended = await run(process.execPath, "program.js");

  expect(ended.stdout.toString()).toBe("example true unauthenticated ACCESS_DENIED\nINSTALLED hello\n");
});

test("arguments and results have types", async () => {
  const program = `
    import { connect, operations } from "mini-buildd/client";
    const client = connect("localhost");
    const status = await client.call(operations.status, { with_repositories: true });
    export const text: string = status.identity;
    // @ts-expect-error -- a name is no number
    export const number: number = status.identity;
    // @ts-expect-error -- there is no such argument
    await client.call(operations.status, { nonsense: true });
    // @ts-expect-error -- a flag is no text
    await client.call(operations.status, { with_repositories: "yes" });`;
  await writeFile(join(directory, "typed.ts"), program);

  const options = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2024", "--skipLibCheck"];
  const typeRoots = ["--types", "node", "--typeRoots", join(project, "node_modules/@types")];
  const ended = await run(join(project, "node_modules/.bin/tsc"), ...options, ...typeRoots, "typed.ts");

  expect(ended.stdout.toString()).toBe("");
  expect(ended.exitCode).toBe(0);
});

function run(program: string, ...args: string[]): Promise<EndedCommand> {
  const path = `${resolve(process.execPath, "..")}:/usr/bin:/bin`;
  return runCommand({ argv: [program, ...args], cwd: directory, env: { PATH: path }, timeoutMs: 120_000 });
}
