import { once } from "node:events";
import { get } from "node:http";
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { TestSite } from "../../support/site.ts";

let site: TestSite;
let sockets: Socket[];

beforeEach(async () => {
  site = await TestSite.open();
  sockets = [];
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await site.close();
});

test("beyond httpConnectionsMax a connection is closed; when one goes, the next is served", async () => {
  const url = await site.start({ httpConnectionsMax: 2 });
  const first = await openConnection(url);
  await openConnection(url);

  const third = await openConnection(url);
  expect(await bytesUntilClosed(third)).toBe("");

  first.end("GET /mini_buildd/api/status/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  expect(await bytesUntilClosed(first)).toContain("200 OK");
  expect((await fetch(`${url}/mini_buildd/api/status/`)).status).toBe(200);
});

test("who asks more often than httpRequestsPerMinutePerPeerMax is told when to ask again; the owner is not counted", async () => {
  const url = await site.start({ httpRequestsPerMinutePerPeerMax: 12 });
  const ask = () => fetch(`${url}/api/v1/status`);

  const answers = [];
  for (let count = 0; count < 5; count++) answers.push(await ask());

  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429, 429]);
  const refused = answers[3];
  expect(Number(refused?.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(await refused?.json()).toMatchObject({ code: "RATE_LIMITED", status: 429 });
  expect(await overSocket()).toBe(200);
});

test("one address may hold httpStreamsPerPeerMax live streams of events and logs; one that ends makes room", async () => {
  const url = await site.start({ httpStreamsPerPeerMax: 2 });
  const uploadId = await site.addUpload({ source: "hello", version: "1.0", state: "building" });
  const buildId = await site.addBuild({ uploadId, architecture: "amd64", state: "leased" });
  const events = `${url}/api/v1/events`;
  const log = `${url}/api/v1/builds/${buildId}/log`;
  const [leaving, staying] = [new AbortController(), new AbortController()];
  await openStream(events, leaving.signal);
  await openStream(log, staying.signal);

  for (const address of [events, log]) {
    const refused = await fetch(address, { headers: { accept: "text/event-stream" } });
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ code: "STREAMS_PEER_BUSY" });
  }
  expect((await fetch(`${url}/api/v1/events`)).status).toBe(200);

  leaving.abort();
  await expect.poll(async () => (await openStream(log, staying.signal)).status).toBe(200);
  staying.abort();
});

test("a body that does not come ends its request, whether it is read or not", async () => {
  const url = await site.start({ httpBodyTimeoutMs: 50 });
  const requests = ["POST /mini_buildd/api/cancel/", "GET /mini_buildd/api/status/"].map(async (line) => {
    const socket = await openConnection(url);
    socket.write(`${line} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`);
    return bytesUntilClosed(socket);
  });

  const [post, get] = await Promise.all(requests);

  expect(post).toContain("408 Request Timeout");
  expect(get).toContain("200 OK");
});

test("a request whose body has come may take its time", async () => {
  const url = await site.start({ httpBodyTimeoutMs: 50 });
  const uploadId = await site.addUpload({ source: "hello", version: "1.0", state: "building" });
  const buildId = await site.addBuild({ uploadId, architecture: "amd64", state: "leased" });
  const socket = await openConnection(url);
  socket.write(`GET /api/v1/builds/${buildId}/log HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nConnection: close\r\n\r\n{`);
  const [head] = (await once(socket, "data")) as [Buffer];
  const rest = bytesUntilClosed(socket);

  // Until another request was given up for its body, the time is over for this one too.
  const slow = await openConnection(url);
  slow.write("POST /mini_buildd/api/cancel/ HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{");
  await bytesUntilClosed(slow);
  await site.appendLog(buildId, "late line\n");
  await site.setBuildState(buildId, "done");

  expect(head.toString()).toContain("200 OK");
  expect(await rest).toContain("late line");
});

/** Resolves when the server's system has taken the connection; the server itself may still refuse it. */
async function openConnection(url: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  sockets.push(socket);
  await once(socket, "connect");
  return socket;
}

async function bytesUntilClosed(socket: Socket): Promise<string> {
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
  socket.on("error", () => {});
  await once(socket, "close");
  return text;
}

async function openStream(address: string, signal: AbortSignal): Promise<Response> {
  return fetch(address, { headers: { accept: "text/event-stream" }, signal });
}

function overSocket(): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get({ socketPath: site.controlSocketPath, path: "/api/v1/status" }, (answer) => resolve(answer.resume().statusCode)).once(
      "error",
      reject,
    );
  });
}
