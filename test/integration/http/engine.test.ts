import { afterAll, beforeAll, expect, test } from "vitest";
import { notYetOperations, operations, restPath } from "../../../src/operations/index.ts";
import { addToken, addUser } from "../../support/people.ts";
import { fillSite, TestSite } from "../../support/site.ts";

let site: TestSite;
let url: string;
let ids: Awaited<ReturnType<typeof fillSite>>;
let authorization: string;

beforeAll(async () => {
  site = await TestSite.open();
  ids = await fillSite(site);
  url = await site.start();
  authorization = `Bearer ${await addToken(site, await addUser(site, "root", "admin"), "admin")}`;
});

afterAll(() => site?.close());

async function call(name: string, args: Record<string, unknown>): Promise<{ status: number; body: unknown }> {
  const operation = operations.find((candidate) => candidate.name === name)!;
  const path = `${url}/api/v1/${restPath(operation)}`;
  const query = new URLSearchParams(args as Record<string, string>).toString();
  const response = operation.changesState
    ? await fetch(path, { method: "POST", body: JSON.stringify(args), headers: { authorization } })
    : await fetch(`${path}?${query}`, { headers: { authorization } });
  return { status: response.status, body: await response.json() };
}

test("start, stop, cronjob, remake_chroots and reindex reach the engine", async () => {
  for (const [name, args] of [
    ["stop", {}],
    ["start", {}],
    ["cronjob", { id: "purge-jobs" }],
    ["reindex", {}],
  ] as const) {
    expect(await call(name, args)).toEqual({ status: 200, body: {} });
  }

  expect(site.acts.slice(-4)).toEqual(["stop", "start", "cronjob purge-jobs", "reindex"]);
  expect((await call("remake_chroots", { keys: ["bookworm:amd64"] })).body).toEqual({ "bookworm:amd64": "Success" });
});

test("search finds source packages by a part of their names, in any case, and nothing by wildcards of SQL", async () => {
  expect((await call("search", { pattern: "RokeN" })).body).toEqual({
    broken: {
      repositories: [],
      builds: [expect.stringMatching(/\/amd64\/broken_2\.0-1~test12\+1_amd64\.buildlog$/), expect.anything()],
      events: [ids.failedUpload],
    },
  });
  expect(Object.keys((await call("search", { pattern: "lib*oo00" })).body as object)).toEqual([
    "libfoo001",
    "libfoo005",
    "libfoo009",
  ]);
  expect((await call("search", { pattern: "hello000" })).body).toMatchObject({
    hello000: { repositories: ["test/pool/main/h/hello000/hello000.dsc", "test/pool/main/h/hello000/hello000.dsc"] },
  });
  for (const pattern of ["h_llo", "%", "'; drop table users; --"]) expect((await call("search", { pattern })).body).toEqual({});
});

test("these calls of the original are not available yet, and say so; the list only shrinks", async () => {
  const names: string[] = [];
  for (const operation of notYetOperations) {
    const { status, body } = await call(operation.name, operation.example);
    if (status === 409 && (body as { code: string }).code === "NOT_AVAILABLE_YET") names.push(operation.name);
  }

  expect(names).toEqual(["subscribe", "unsubscribe", "wake", "handshake", "setup"]);
  console.info(`not available yet: ${names.join(", ")}`);
});
