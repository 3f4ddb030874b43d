import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { addToken, addUser, Browser } from "../../support/people.ts";
import { TestSite } from "../../support/site.ts";

let site: TestSite;
let url: string;
let token: string;

beforeAll(async () => {
  site = await TestSite.open();
  url = await site.start();
  token = await addToken(site, await addUser(site, "ann", "staff"), "staff");
});

afterAll(() => site?.close());

/** Lines that came since, once there are so many. */
async function linesAfter(count: number, wanted: number): Promise<string[]> {
  await vi.waitFor(() => expect(site.accessLines.length).toBeGreaterThanOrEqual(count + wanted), { timeout: 20_000 });
  return site.accessLines.slice(count);
}

/** Bytes as they are, on one connection. */
async function send(raw: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.write(raw, "latin1");
  return text(socket);
}

test("each request is a line: address, who, when, what, how it ended, how large, from where and with what", async () => {
  const before = site.accessLines.length;
  const headers = { authorization: `Bearer ${token}`, "user-agent": "curl/8", referer: "http://elsewhere/" };
  const body = await (await fetch(`${url}/api/v1/whoami?`, { headers })).text();

  const [line] = await linesAfter(before, 1);

  expect(line).toMatch(
    /^127\.0\.0\.1 - ann \[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET \/api\/v1\/whoami\? HTTP\/1\.1" 200 \d+ "http:\/\/elsewhere\/" "curl\/8"$/,
  );
  expect(line).toContain(`" 200 ${Buffer.byteLength(body)} "`);
});

test("the sizes of pipelined answers are each one's own", async () => {
  const before = site.accessLines.length;
  const paths = ["/api/v1/status", "/api/v1/openapi.json", "/api/v1/pub-key", "/nothing"];

  const raw = await send(
    paths.map((path, index) => `GET ${path} HTTP/1.1\r\nHost: x\r\n${index === 3 ? "Connection: close\r\n" : ""}\r\n`).join(""),
  );

  const lengths = [...raw.matchAll(/^content-length: (\d+)/gim)].map(([, length]) => Number(length));
  expect(lengths).toHaveLength(4);
  const lines = await linesAfter(before, 4);
  const logged = paths.map((path) => Number(/ (\d+) "-" "-"$/.exec(lines.find((line) => line.includes(` ${path} `)) ?? "")?.[1]));
  expect(logged).toEqual(lengths);
});

test("hostile bytes stay inside their field", async () => {
  const before = site.accessLines.length;
  await send('GET /"%0a\\ HTTP/1.1\r\nHost: x\r\nUser-Agent: a" 200 0 "\x09\xff\r\nConnection: close\r\n\r\n');

  const [line] = await linesAfter(before, 1);

  expect(line).toMatch(/^[ -~]+$/);
  expect(line).toContain('"GET /\\x22%0a\\x5C HTTP/1.1" 4');
  expect(line).toContain(' "-" "a\\x22 200 0 \\x22\\x09\\xFF"');
});

test.each([
  ["GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", '"GET / HTTP/1.1" 400'],
  ["GET /accounts/activate/s3cret/ HTTP/1.1\r\nHost x\r\n\r\n", '"GET /accounts/activate/***/ HTTP/1.1" 400'],
  ["\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", '"-" 400'],
  ["password=s3cret\r\n\r\n", '"-" 400'],
  [`GET /long HTTP/1.1\r\nHost: x\r\nCookie: ${"a".repeat(100_000)}\r\n\r\n`, '" 431'],
])("what is no request that can be read is answered and logged too: %#", async (raw, expected) => {
  const before = site.accessLines.length;

  const answer = await send(raw);

  const [line] = await linesAfter(before, 1);
  expect(line).toContain(`${expected} 0 "-" "-"`);
  expect(line).not.toContain("s3cret");
  expect(answer).toMatch(/^HTTP\/1\.1 4\d\d [A-Z]/);
  expect(site.accessLines).toHaveLength(before + 1);
});

test("who comes over the control socket is local, and who goes in the middle of an answer is logged all the same", async () => {
  const before = site.accessLines.length;
  const local = request({ socketPath: site.controlSocketPath, path: "/api/v1/status" }).end();
  const [answer] = (await once(local, "response")) as [NodeJS.ReadableStream];
  await text(answer);
  const [first] = await linesAfter(before, 1);
  expect(first).toMatch(/^local - - .*"GET \/api\/v1\/status HTTP\/1\.1" 200 /);

  const gone = new AbortController();
  await fetch(`${url}/api/v1/events`, { headers: { accept: "text/event-stream" }, signal: gone.signal });
  gone.abort();

  expect((await linesAfter(before, 2)).at(-1)).toMatch(/^127\.0\.0\.1 - - .*"GET \/api\/v1\/events HTTP\/1\.1" 200 /);
});

test("no line has a password, a session or a link that sets a password in it", async () => {
  const before = site.accessLines.length;
  const browser = new Browser(url);
  await browser.logIn("ann");
  await browser.get("/accounts/activate/very-secret-link/");
  await browser.get("/accounts/profile/");

  const lines = await linesAfter(before, 4);

  expect(lines.join("\n")).not.toMatch(/four|very-secret|sessionid/);
  expect(lines.at(-1)).toMatch(/^127\.0\.0\.1 - ann /);
  for (const value of browser.cookies.values()) expect(lines.join("\n")).not.toContain(value);
});
