import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createHttpServer, type HttpServer } from "../../../src/http/index.ts";
import { TlsCertificate } from "../../../src/keyring/index.ts";
import { defaultLimits, ManualClock, runCommand, silentLogger, systemClock } from "../../../src/runtime/index.ts";
import { createWebPages } from "../../../src/web/index.ts";
import { TestSite } from "../../support/site.ts";
import { connectTo } from "../incoming/senders.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const HSTS_SECONDS = 31_536_000;

let site: TestSite;
let directory: string;
let clock: ManualClock;
let certificate: TlsCertificate;
let server: HttpServer;
let ports: readonly number[];
let certificatePath: string;

beforeAll(async () => {
  site = await TestSite.open();
  directory = await mkdtemp(join(tmpdir(), "mbd-https-"));
  certificatePath = join(directory, "certificate.pem");
  clock = new ManualClock(systemClock.now());
  const source = { type: "self-made", path: join(directory, "tls.pem"), hostname: "buildd.example.org" } as const;
  certificate = await TlsCertificate.open({ source, clock, logger: silentLogger });
  server = createHttpServer({
    context: site.context,
    logger: silentLogger,
    limits: defaultLimits,
    pages: createWebPages({ context: site.context, clock: systemClock }),
    redirectTo: "https://buildd.example.org:8443",
    hstsSeconds: HSTS_SECONDS,
  });
  ({ ports } = await server.listen({
    endpoints: [
      { port: 0, address: "::" },
      { port: 0, address: "::", certificate },
      { port: 0, address: "127.0.0.1", certificate },
    ],
  }));
});

beforeEach(() => writeFile(certificatePath, certificate.certificate));

afterAll(async () => {
  await server?.close();
  await site?.close();
  await rm(directory, { recursive: true });
});

/** The status line, headers and body, as curl shows them; it checks the certificate. */
async function curl(url: string, ...extra: string[]): Promise<string> {
  const argv: [string, ...string[]] = [
    "curl",
    "--silent",
    "--show-error",
    "--include",
    "--cacert",
    certificatePath,
    ...extra,
    url,
  ];
  const ended = await runCommand({ argv, env: { no_proxy: "*" }, timeoutMs: 30_000 });
  return ended.stdout.toString() + ended.stderr.toString();
}

const LOGIN = "/accounts/login/";

test("every encrypted endpoint answers to who trusts the certificate, with HSTS, and cookies never go unencrypted", async () => {
  for (const port of ports.slice(1)) {
    const answer = await curl(`https://localhost:${port}${LOGIN}`, "--ipv4");

    expect(answer).toMatch(/^HTTP\/1\.1 200/);
    expect(answer).toMatch(new RegExp(`strict-transport-security: max-age=${HSTS_SECONDS}`, "i"));
    expect(answer).toMatch(/set-cookie: csrftoken=[^\r]*HttpOnly; Secure; SameSite=Lax/i);
    expect(answer).toMatch(/content-security-policy: [^\r]*script-src 'self'/i);
  }
});

test("who does not trust the certificate gets nothing, and neither does TLS older than 1.2", async () => {
  await writeFile(certificatePath, await readFile("/etc/ssl/certs/ca-certificates.crt"));
  expect(await curl(`https://localhost:${ports[1]}/`)).toMatch(/certificate/);

  const options = { port: ports[1]!, host: "127.0.0.1", rejectUnauthorized: false };
  const old = connectTls({ ...options, minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" });
  const [error] = (await once(old, "error")) as [Error];
  expect(error.message).toMatch(/protocol version|ECONNRESET/);
});

test("who comes unencrypted over the network is sent to the encrypted address, whatever it asks for; this machine is not", async () => {
  const address = Object.values(networkInterfaces())
    .flat()
    .find((each) => each?.internal === false && each.family === "IPv4")?.address;
  expect(await curl(`http://127.0.0.1:${ports[0]}${LOGIN}`)).toMatch(/^HTTP\/1\.1 200/);
  expect(await curl(`http://127.0.0.1:${ports[0]}${LOGIN}`)).not.toMatch(/strict-transport-security|; Secure/i);
  if (address === undefined) return;

  for (const [path, location] of [
    ["/mini_buildd/events/?limit=5", "/mini_buildd/events/?limit=5"],
    ["/repositories/test/dists/x/InRelease", "/repositories/test/dists/x/InRelease"],
    ["//elsewhere.example.org/x", "//elsewhere.example.org/x"],
  ] as const) {
    const answer = await curl(`http://${address}:${ports[0]}${path}`, "--path-as-is", "-H", "Host: elsewhere.example.org");
    expect(answer).toMatch(/^HTTP\/1\.1 308/);
    expect(answer).toContain(`location: https://buildd.example.org:8443${location}\r\n`);
  }
  expect(await curl(`http://${address}:${ports[0]}/upload/a.dsc`, "-T", "/etc/hostname")).toMatch(/^HTTP\/1\.1 308/m);
});

test("a renewed certificate is shown at once, and its key is the same", async () => {
  const shown = async (): Promise<X509Certificate> => {
    const socket = connectTls({ port: ports[1]!, host: "127.0.0.1", rejectUnauthorized: false });
    await once(socket, "secureConnect");
    const { raw } = socket.getPeerCertificate();
    socket.destroy();
    return new X509Certificate(raw);
  };
  const before = await shown();

  clock.advance(320 * DAY_MS);
  expect(await certificate.refresh()).toBe(true);

  const after = await shown();
  expect(after.fingerprint256).not.toBe(before.fingerprint256);
  expect(after.publicKey.equals(before.publicKey)).toBe(true);
});

test("what is no TLS, and half a handshake, ends with its own connection", async () => {
  const plain = await connectTo(ports[1]!);
  plain.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  plain.resume();
  await once(plain, "close");
  const half = await connectTo(ports[1]!);
  half.write(Buffer.from([0x16, 3, 1, 2, 0, 1]));
  half.destroy();

  await writeFile(certificatePath, certificate.certificate);
  expect(await curl(`https://localhost:${ports[1]}${LOGIN}`)).toMatch(/^HTTP\/1\.1 200/);
});
