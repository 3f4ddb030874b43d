import { afterEach, beforeEach, expect, test } from "vitest";
import { TestSite } from "../../support/site.ts";

let site: TestSite;
let url: string;
let buildId: string;

beforeEach(async () => {
  site = await TestSite.open();
  url = await site.start();
  const uploadId = await site.addUpload({ source: "hello", version: "1:2.0~x", state: "building" });
  buildId = await site.addBuild({ uploadId, architecture: "amd64", state: "leased" });
});

afterEach(() => site.close());

interface Message {
  readonly id: string;
  readonly event: string;
  readonly data: unknown;
}

test("events come as they are recorded, after the last one seen", async () => {
  await site.record({ type: "PACKAGING", source: "first" });
  await site.record({ type: "BUILDING", source: "second" });
  const [first] = await take(openStream("/api/v1/events?after=0"), 1);

  const messages = openStream("/api/v1/events", { "last-event-id": first?.id ?? "" });
  const second = take(messages, 2);
  await site.record({ type: "INSTALLED", source: "third" });

  expect((await second).map((message) => (message.data as { source: string }).source)).toEqual(["second", "third"]);
});

test("without a last one, events begin now; finer ones only when asked for", async () => {
  await site.record({ type: "PACKAGING", source: "before" });
  const stream = await connect("/api/v1/events");

  await site.record({ type: "build-step", source: "fine" });
  await site.record({ type: "BUILT", source: "coarse" });

  expect((await take(messagesOf(stream), 1)).map((message) => (message.data as { source: string }).source)).toEqual(["coarse"]);
});

test("a client that asks nonsense is told so", async () => {
  const response = await fetch(`${url}/api/v1/events`, { headers: { accept: "text/event-stream", "last-event-id": "x" } });

  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ code: "EVENT_ID_INVALID" });
});

test("each of many listeners gets every event once: begun in the past, begun now, and one that does not read for a while", async () => {
  const count = 400;
  const filler = "x".repeat(8_000);
  for (let number = 0; number < 20; number++) await site.record({ type: "PACKAGING", source: "past", data: { filler } });
  // What it does not read fills the buffers of both sides many times.
  const slow = await connect("/api/v1/events?after=0");
  const past = Array.from({ length: 10 }, () => take(openStream("/api/v1/events?after=10"), 10 + count));
  const streams = await Promise.all(Array.from({ length: 10 }, () => connect("/api/v1/events?types=PACKAGING")));
  const now = streams.map((stream) => take(messagesOf(stream), count));

  for (let number = 0; number < count; number++) await site.record({ type: "PACKAGING", source: "now", data: { filler } });

  const idsOf = (messages: readonly Message[]): number[] => messages.map(({ id }) => Number(id));
  const from = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, index) => first + index);
  for (const each of await Promise.all(past)) expect(idsOf(each)).toEqual(from(11, 20 + count));
  for (const each of await Promise.all(now)) expect(idsOf(each)).toEqual(from(21, 20 + count));
  expect(idsOf(await take(messagesOf(slow), 20 + count))).toEqual(from(1, 20 + count));
});

test("a running build's log is followed to its end", async () => {
  const text = fetch(logUrl()).then((response) => response.text());
  await site.appendLog(buildId, "one\n");
  await site.appendLog(buildId, "two \u001b[31mred\u001b[0m\n");
  await site.setBuildState(buildId, "done");

  expect(await text).toBe("one\ntwo red\n");
});

test("follow=0 gives what is there now", async () => {
  await site.appendLog(buildId, "so far");

  expect(await (await fetch(`${logUrl()}?follow=0`)).text()).toBe("so far");
});

test("as events, each piece says where to go on, and the end is said", async () => {
  await site.appendLog(buildId, "one\n");
  const messages = openStream(logUrl(), {});
  const [first] = await take(messages, 1);

  await site.appendLog(buildId, Buffer.from([0x74, 0x77, 0x6f, 0xff, 0x0a]));
  await site.setBuildState(buildId, "done");
  const rest = await take(openStream(logUrl(), { "last-event-id": first?.id ?? "" }), 2);

  expect(first).toEqual({ id: "4", event: "message", data: "one\n" });
  expect(rest).toEqual([
    { id: "9", event: "message", data: "two\ufffd\n" },
    { id: "9", event: "end", data: null },
  ]);
});

test("a kept log is read the same way, and raw as it was printed", async () => {
  const printed = "\u001b[1mbold\u001b[0m\n".repeat(30_000);
  await site.writeKeptLog(buildId, printed);
  await site.setBuildState(buildId, "done");

  expect(await (await fetch(logUrl())).text()).toBe("bold\n".repeat(30_000));
  expect(await (await fetch(`${logUrl()}?raw=1`)).text()).toBe(printed);
  expect(await (await fetch(`${logUrl()}?raw=1`, { headers: { "accept-encoding": "identity" } })).text()).toBe(printed);
  expect(await (await fetch(`${logUrl()}?offset=${printed.length - 13}`)).text()).toBe("bold\n");
});

test("HEAD answers without opening the log", async () => {
  await site.appendLog(buildId, "x\n");

  const response = await fetch(logUrl(), { method: "HEAD" });

  expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/plain; charset=utf-8"]);
});

test("a log can only be text to a browser", async () => {
  await site.appendLog(buildId, "<script>alert(1)</script>");
  const response = await fetch(`${logUrl()}?follow=0`);

  expect(response.headers.get("content-type")).toBe("text/plain; charset=utf-8");
  expect(response.headers.get("x-content-type-options")).toBe("nosniff");
});

test("a reader that stops reading holds up neither the writer nor others", async () => {
  const slow = await fetch(logUrl());
  const line = `${"x".repeat(1023)}\n`.repeat(1024);
  for (let megabyte = 0; megabyte < 24; megabyte++) await site.appendLog(buildId, line);
  await site.setBuildState(buildId, "done");

  const quick = await (await fetch(logUrl())).arrayBuffer();

  expect(quick.byteLength).toBe(24 * 1024 ** 2);
  expect((await slow.arrayBuffer()).byteLength).toBe(24 * 1024 ** 2);
});

test("closing the server ends live streams at once", async () => {
  const log = fetch(logUrl()).then((response) => response.text());
  const stream = await connect("/api/v1/events");
  await site.appendLog(buildId, "one\n");

  const startedAt = performance.now();
  await site.stop();

  expect(performance.now() - startedAt).toBeLessThan(2_000);
  expect(await take(messagesOf(stream), 1)).toEqual([]);
  await log.catch(() => "cut off");
});

function logUrl(): string {
  return `${url}/api/v1/builds/${buildId}/log`;
}

async function connect(address: string, headers: Record<string, string> = {}): Promise<Response> {
  const absolute = address.startsWith("http") ? address : url + address;
  return fetch(absolute, { headers: { accept: "text/event-stream", ...headers } });
}

async function* openStream(address: string, headers: Record<string, string> = {}): AsyncGenerator<Message> {
  yield* messagesOf(await connect(address, headers));
}

async function* messagesOf(response: Response): AsyncGenerator<Message> {
  expect(response.headers.get("content-type")).toContain("text/event-stream");
  let text = "";
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const field = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1];
      const data = field("data");
      if (data !== undefined) yield { id: field("id") ?? "", event: field("event") ?? "message", data: JSON.parse(data) };
    }
  }
}

/** The first messages; then the connection is closed. */
async function take(messages: AsyncGenerator<Message>, count: number): Promise<Message[]> {
  const taken: Message[] = [];
  for await (const message of messages) {
    taken.push(message);
    if (taken.length === count) break;
  }
  return taken;
}
