import { expect, test } from "vitest";
import { errorOfAnswer, parseEndpoint, parseMessages } from "../client/index.ts";
import { catalogPlan, ls, pubKey, status } from "../operations/index.ts";
import { exitStatus } from "./exit-status.ts";
import { formatResult } from "./format-result.ts";
import { printable } from "./table.ts";

test("versions are a table for people", () => {
  const result = {
    test: {
      "bookworm-test-unstable": { version: "1.0~test12+1", component: "main", architecture: "source", rollbacks: {} },
      "bookworm-test-stable": { version: "0.9~test12+1", component: "main", architecture: "source", rollbacks: {} },
    },
  };

  expect(formatResult(ls, result)).toBe(`distribution            version       component  architecture
bookworm-test-unstable  1.0~test12+1  main       source
bookworm-test-stable    0.9~test12+1  main       source
`);
});

test("nothing found is said, not shown as an empty table", () => {
  expect(formatResult(ls, {})).toBe("no such source package\n");
});

test("text results are printed as they are, with one end of line", () => {
  expect(formatResult(pubKey, "-----BEGIN-----\n")).toBe("-----BEGIN-----\n");
  expect(formatResult(pubKey, "x")).toBe("x\n");
});

test("a plan says what would be lost and what to do next", () => {
  const changes = [{ summary: "- distribution bookworm-test-stable", loses_packages: true }];

  expect(formatResult(catalogPlan, { changes, applied: false })).toMatch(/packages would be lost[^]*--with-loss/);
  expect(formatResult(catalogPlan, { changes: [], applied: false })).toBe("no change\n");
});

test("a stopped instance says so instead of showing a negative load", () => {
  const facts = { version: "1", identity: "x", url: "http://x", incoming_url: "ftp://x", load: -1, chroots: [], remotes: [] };

  expect(formatResult(status, facts)).toMatch(/load +stopped/);
});

test("control characters of others do not reach the terminal", () => {
  expect(printable("a\u001b[31mb\r\u009bc\n\td")).toBe("a\u{fffd}[31mb\u{fffd}\u{fffd}c\n\td");
});

test.each([
  ["buildd.example.org", "http://buildd.example.org:8066/"],
  ["buildd.example.org:80", "http://buildd.example.org/"],
  ["http://localhost:9000", "http://localhost:9000/"],
  ["https://buildd.example.org", "https://buildd.example.org/"],
])("endpoint %s is %s", (text, url) => {
  expect(parseEndpoint(text).url.href).toBe(url);
});

test.each([
  [400, 2],
  [401, 3],
  [403, 3],
  [404, 4],
  [409, 5],
  [503, 6],
  [502, 6],
])("a server's status %i is exit status %i", (answered, expected) => {
  expect(exitStatus(errorOfAnswer(answered, "text/html", "<html>", "GET /"))).toBe(expected);
});

test("the server's code, message and hint are kept", () => {
  const body = JSON.stringify({ status: 409, title: "t", detail: "not now", code: "NOT_NOW", hint: "later" });

  expect(errorOfAnswer(409, "application/problem+json", body, "GET /")).toMatchObject({
    kind: "conflict",
    code: "NOT_NOW",
    message: "not now",
    hint: "later",
  });
});

test("events are read whole however the connection cuts them", async () => {
  const text = 'retry: 2000\n\n:\n\nid: 7\ndata: {"id":7,"type":"BUILT","source":"é"}\n\nid: 8\ndata: {"id":8}\n\ndata: {"id":9';
  const bytes = Buffer.from(text);
  const chunks = Array.from(bytes, (_, index) => bytes.subarray(index, index + 1));

  const ids: number[] = [];
  for await (const event of parseMessages<{ id: number }>(toAsync(chunks))) ids.push(event.id);

  expect(ids).toEqual([7, 8]);
});

async function* toAsync<T>(items: readonly T[]): AsyncGenerator<T> {
  for (const item of items) yield await Promise.resolve(item);
}
