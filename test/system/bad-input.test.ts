import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type EndedCommand, runCommand } from "../../src/runtime/index.ts";
import { Daemon, freePort } from "../support/daemon.ts";

/*
 * Strangers over HTTP, HTTPS, FTP, FTPS and SFTP at once: too much, too slow, elsewhere, cut off, in the wrong order, garbage;
 * 10 000 connections in all.
 */
const CONNECTIONS = 10_000;
/** At once; more than one address may have for uploads, so that quotas have to hold as well. */
const AT_ONCE = 48;
const WAIT = { timeout: 30_000, interval: 50 };
const ANSWER_TIMEOUT_MS = 10_000;

type Door = "http" | "https" | "ftp" | "ftps" | "sftp";

interface Attack {
  readonly door: Door;
  readonly what: string;
  /** What is sent, in pieces. */
  readonly sends: readonly (string | Buffer)[];
  /** One of these has to be heard, where the connection was let in at all. */
  readonly hears: RegExp;
}

const LONG = "A".repeat(70_000);
const put = (name: string, rest: string): string => `PUT /upload/${name} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${rest}`;
const LOGIN = "USER anonymous\r\nPASS x\r\n";
const httpAttacks = (door: "http" | "https"): Attack[] => [
  { door, what: "garbage", sends: [Buffer.alloc(3000, 0xfe)], hears: /^HTTP\/1\.1 400/ },
  { door, what: "a header too large", sends: [`GET / HTTP/1.1\r\nX: ${LONG}\r\n\r\n`], hears: /^HTTP\/1\.1 431/ },
  {
    door,
    what: "an announced file too large",
    sends: [put("a.tar", "Content-Length: 99999999999999\r\n\r\n")],
    hears: /^HTTP\/1\.1 413/,
  },
  {
    door,
    what: "a name elsewhere",
    sends: [put("..%2f..%2fetc%2fpasswd", "Content-Length: 1\r\n\r\nx")],
    hears: /^HTTP\/1\.1 400/,
  },
  {
    door,
    what: "a path elsewhere",
    sends: ["GET /repositories/../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"],
    hears: /^HTTP\/1\.1 (400|404)/,
  },
  {
    door,
    what: "a file cut off",
    sends: [put("cut.tar", "Content-Length: 100000\r\n\r\n"), "half"],
    hears: /^(HTTP\/1\.1 400|$)/,
  },
  {
    door,
    what: "chunks that are none",
    sends: [put("c.tar", "Transfer-Encoding: chunked\r\n\r\n"), "zzzz\r\n"],
    hears: /^HTTP\/1\.1 400/,
  },
  {
    door,
    what: "two lengths",
    sends: [put("l.tar", "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")],
    hears: /^HTTP\/1\.1 400/,
  },
  {
    door,
    what: "a body too large for a call",
    sends: [
      `POST /api/v1/remove HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 9000000\r\n\r\n`,
    ],
    hears: /^HTTP\/1\.1 (400|413|403|401)/,
  },
];
const ftpAttacks: Attack[] = [
  { door: "ftp", what: "HTTP", sends: ["GET / HTTP/1.1\r\n".repeat(12)], hears: /\r\n421 / },
  { door: "ftp", what: "a line too long", sends: [`${LONG}\r\nQUIT\r\n`], hears: /\r\n500 Line too long/ },
  { door: "ftp", what: "the wrong order", sends: ["STOR a.dsc\r\nPASS x\r\nPASV\r\nQUIT\r\n"], hears: /\r\n530 [^]*503 / },
  {
    door: "ftp",
    what: "bounce",
    sends: [`${LOGIN}PORT 10,0,0,1,0,22\r\nEPRT |1|192.0.2.1|5000|\r\nQUIT\r\n`],
    hears: /\r\n504 [^]*\r\n504 /,
  },
  {
    door: "ftp",
    what: "names elsewhere",
    sends: [`${LOGIN}EPSV\r\nSTOR ../../etc/passwd\r\nCWD /etc\r\nRETR /etc/passwd\r\nQUIT\r\n`],
    hears: /\r\n550 [^]*\r\n550 /,
  },
  {
    door: "ftp",
    what: "a file announced too large",
    sends: [`${LOGIN}EPSV\r\nALLO 99999999999999\r\nSTOR incoming/a.dsc\r\nQUIT\r\n`],
    hears: /\r\n552 /,
  },
  {
    door: "ftp",
    what: "commands behind AUTH in the clear",
    sends: ["AUTH TLS\r\nUSER anonymous\r\n"],
    hears: /\r\n234 [^\r]*\r\n$/,
  },
  { door: "ftp", what: "no TLS after AUTH", sends: ["AUTH TLS\r\n", LONG], hears: /\r\n234 / },
];
const ftpsAttacks: Attack[] = [
  { door: "ftps", what: "no TLS", sends: [LOGIN], hears: /^[^]*$/ },
  { door: "ftps", what: "half a handshake", sends: [Buffer.from("160301020001000", "latin1")], hears: /^[^]*$/ },
];
const sftpAttacks: Attack[] = [
  { door: "sftp", what: "garbage", sends: [Buffer.alloc(3000, 0xff)], hears: /^SSH-2\.0-mini-buildd/ },
  { door: "sftp", what: "an old protocol", sends: ["SSH-1.5-old\r\n"], hears: /^SSH-2\.0-mini-buildd/ },
  {
    door: "sftp",
    what: "garbage after the greeting",
    sends: ["SSH-2.0-x\r\n", Buffer.alloc(5000, 0x7f)],
    hears: /^SSH-2\.0-mini-buildd/,
  },
  {
    door: "sftp",
    what: "a packet of 4 GB",
    sends: ["SSH-2.0-x\r\n", Buffer.from([0xff, 0xff, 0xff, 0xff, 4, 20])],
    hears: /^SSH-2\.0-mini-buildd/,
  },
];
const ATTACKS: readonly Attack[] = [
  ...httpAttacks("http"),
  ...httpAttacks("https"),
  ...ftpAttacks,
  ...ftpsAttacks,
  ...sftpAttacks,
];

/** What who is over a quota hears. */
const OVER_QUOTA = /too many (upload|connections)|^HTTP\/1\.1 429/i;

let daemon: Daemon;
let ports: Record<Door, number>;

beforeAll(async () => {
  const [https, ftps, sftp] = [await freePort(), await freePort(), await freePort()];
  daemon = await Daemon.make({
    http: (port) => `endpoints = ["tcp6:port=${port}", "ssl:port=${https}"]`,
    configuration: `implicitPort = ${ftps}\n[sftp]\nenabled = true\nport = ${sftp}\n[builder]\nparallel = 0\n[limits]\nuploadIdleTimeoutMs = 5000\n`,
  });
  ports = { http: daemon.httpPort, https, ftp: daemon.ftpPort, ftps, sftp };
  await daemon.start();
}, 180_000);

afterAll(() => daemon?.remove());

test("more connections than one address may have are told so, and their places become free", async () => {
  const sockets = await Promise.all(Array.from({ length: 30 }, () => open(ports.ftp)));
  const greetings = await Promise.all(sockets.map(firstLine));

  expect(greetings.filter((line) => line.startsWith("220")).length).toBeLessThanOrEqual(20);
  expect(greetings.filter((line) => line.startsWith("421")).length).toBeGreaterThanOrEqual(10);
  for (const socket of sockets) socket.destroy();
  await vi.waitFor(async () => {
    const socket = await open(ports.ftp);
    expect(await firstLine(socket)).toMatch(/^220 /);
    socket.destroy();
  }, WAIT);
}, 120_000);

test("who sends nothing is disconnected everywhere, and meanwhile others are served", async () => {
  const sockets = await Promise.all((["ftp", "ftps", "sftp"] as const).map((door) => open(ports[door])));
  const slow = await open(ports.http);
  slow.write("PUT /upload/slow.tar HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n");

  expect((await fetch(`${daemon.url}/mini_buildd/api/status/`)).status).toBe(200);
  for (const socket of [...sockets, slow]) if (!socket.closed) await once(socket, "close");

  await expectEmptyQuarantine();
}, 120_000);

test("10 000 hostile connections over all protocols: nearly each is answered or told of a quota, nothing stays, the daemon stays up", async () => {
  const { pid } = daemon;
  const before = await memoryOf(pid);
  const heard = new Map<string, number>();
  const wrong: string[] = [];
  let next = 0;
  let mostUsed = 0;

  const work = async (): Promise<void> => {
    while (next < CONNECTIONS) {
      const attack = ATTACKS[next++ % ATTACKS.length]!;
      const text = await run(attack);
      const name = `${attack.door}: ${attack.what}`;
      const isAnswered = attack.hears.test(text);
      // Who sends on after the end is reset, and then the answer may be lost on its way.
      const isCutOff = text === "";
      const kind = isAnswered ? "answered" : OVER_QUOTA.test(text) ? "over quota" : isCutOff ? "cut off" : "wrong";
      heard.set(kind, (heard.get(kind) ?? 0) + 1);
      if (kind === "wrong" && wrong.length < 20) wrong.push(`${name}: ${JSON.stringify(text.slice(0, 300))}`);
    }
  };
  const watch = setInterval(() => void memoryOf(pid).then((used) => (mostUsed = Math.max(mostUsed, used))), 250);
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  clearInterval(watch);

  console.log("hostile connections", Object.fromEntries(heard), {
    memoryMb: { before, most: mostUsed, after: await memoryOf(pid) },
  });
  expect(wrong).toEqual([]);
  expect(heard.get("answered")).toBeGreaterThan(CONNECTIONS / 10);
  expect(heard.get("cut off") ?? 0).toBeLessThan(CONNECTIONS / 10);
  expect(daemon.pid).toBe(pid);
  expect((await fetch(`${daemon.url}/mini_buildd/api/status/`)).status).toBe(200);
  await expectEmptyQuarantine();
  expect(daemon.log).not.toMatch(/"level":(50|60)|cannot go on/);
  expect(mostUsed).toBeLessThan(before + 400);

  // Another address is not in the way of their quotas.
  const curl = (url: string): Promise<EndedCommand> =>
    runCommand({
      argv: ["curl", "--silent", "--fail", "--insecure", "--ssl", "-T", "/etc/hostname", url],
      env: { no_proxy: "*" },
    });
  expect((await curl(`http://[::1]:${ports.http}/upload/a.dsc`)).exitCode).toBe(0);
  expect((await curl(`https://[::1]:${ports.https}/upload/b.dsc`)).exitCode).toBe(0);
  expect((await curl(`ftp://[::1]:${ports.ftp}/incoming/c.dsc`)).exitCode).toBe(0);
  expect((await curl(`ftps://[::1]:${ports.ftps}/incoming/d.dsc`)).exitCode).toBe(0);
  expect(await readdir(join(daemon.home, "quarantine"))).toHaveLength(4);
}, 600_000);

async function expectEmptyQuarantine(): Promise<void> {
  await vi.waitFor(async () => expect(await readdir(join(daemon.home, "quarantine"))).toEqual([]), WAIT);
}

async function run({ door, sends }: Attack): Promise<string> {
  const socket = door === "https" ? await openTls(ports.https) : await open(ports[door]);
  let text = "";
  socket.on("data", (chunk: Buffer) => {
    if (text.length < 20_000) text += chunk.toString("latin1");
  });
  const timer = setTimeout(() => socket.destroy(), ANSWER_TIMEOUT_MS);
  for (const piece of sends) {
    if (socket.destroyed) break;
    await new Promise<void>((resolve) => socket.write(piece, () => resolve()));
  }
  // The end of what we send: who waits for more gives up.
  socket.end();
  if (!socket.closed) await new Promise((resolve) => socket.once("close", resolve));
  clearTimeout(timer);
  return text;
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.on("error", () => {});
  await Promise.race([once(socket, "connect").catch(() => {}), new Promise((resolve) => socket.once("close", resolve))]);
  socket.resume();
  return socket;
}

async function openTls(port: number): Promise<Socket> {
  const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false });
  socket.on("error", () => {});
  await Promise.race([once(socket, "secureConnect").catch(() => {}), new Promise((resolve) => socket.once("close", resolve))]);
  return socket;
}

function firstLine(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.once("data", (chunk: Buffer) => resolve(chunk.toString()));
    socket.once("close", () => resolve(""));
  });
}

/** Resident, in MB. */
async function memoryOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
}
