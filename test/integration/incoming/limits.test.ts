import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { runCommand } from "../../../src/runtime/index.ts";
import { findDputNg } from "../../support/dput-ng.ts";
import { expectDelivered, expectQuarantine, makeUpload, useIncomingSite } from "./incoming-site.ts";
import { connectTo, FtpClient, printed, putStatus, runDput, runDputNg, sendBytes, sendFile } from "./senders.ts";

const hasDputNg = (await findDputNg()) !== undefined;

describe("below the disk reserve", () => {
  const site = useIncomingSite({ limits: { diskReserveBytes: Number.MAX_SAFE_INTEGER } });

  test("FTP and HTTP refuse files with the reason", async () => {
    const client = await FtpClient.login(site.ftpPort);

    expect(await client.store("a.dsc", Buffer.from("a"))).toMatch(/^452 the disk has less than its reserve/);
    expect(await putStatus(site, "a.dsc", Buffer.from("a"))).toBe(507);
    await expectQuarantine(site, []);
    client.close();
  });

  test.each(["ftp", "http"] as const)("dput over %s fails and shows why", async (method) => {
    const upload = await makeUpload(site);

    const ended = await runDput(site, upload.changesPath, method, "localhost");

    expect(ended.exitCode).not.toBe(0);
    expect(printed(ended)).toMatch(/the disk has less than its reserve of \d+ bytes left/);
  });

  test.runIf(hasDputNg).each(["ftp", "http"] as const)("dput-ng over %s fails and shows why", async (method) => {
    const upload = await makeUpload(site);

    const ended = await runDputNg(site, upload.changesPath, method);

    expect(ended.exitCode).not.toBe(0);
    expect(printed(ended)).toMatch(/the disk has less than its reserve/);
  });

  test.each([
    ["application/json", "application/problem+json"],
    ["*/*", "text/plain; charset=utf-8"],
  ])("who accepts %s is told why as %s", async (accept, type) => {
    const ended = await runCommand({
      argv: [
        "curl",
        "--silent",
        "-H",
        `Accept: ${accept}`,
        "-w",
        "\n%{http_code} %{content_type}",
        "-T",
        "/etc/passwd",
        `http://localhost:${site.httpPort}/upload/x_1_all.deb`,
      ],
      env: { no_proxy: "*" },
    });

    const [status = "", ...body] = ended.stdout.toString().trim().split("\n").toReversed();
    expect(status).toBe(`507 ${type}`);
    const text = body.toReversed().join("\n");
    expect(text).toContain("the disk has less than its reserve");
    if (accept === "*/*") expect(text.trimEnd()).toMatch(/\(UPLOAD_DISK_RESERVE\)$/);
    else expect(JSON.parse(text)).toMatchObject({ status: 507, code: "UPLOAD_DISK_RESERVE", hint: expect.any(String) });
  });

  test("curl that asks first is refused before it sends a byte", async () => {
    const path = join(site.workPath, "big.tar");
    await writeFile(path, Buffer.alloc(20 * 1024 ** 2));

    const ended = await runCommand({
      argv: [
        "curl",
        "--silent",
        "--expect100-timeout",
        "30",
        "-H",
        "Expect: 100-continue",
        "-w",
        "%{http_code} %{size_upload}",
        "-o",
        "/dev/null",
        "-T",
        path,
        `http://localhost:${site.httpPort}/upload/`,
      ],
      env: { no_proxy: "*" },
    });

    expect(ended.stdout.toString()).toBe("507 0");
  });
});

describe("with small limits", () => {
  const site = useIncomingSite({
    limits: {
      uploadFileSizeBytesMax: 100_000,
      changesSizeBytesMax: 50_000,
      quarantineSizeBytesMax: 250_000,
      quarantineFileCountMax: 4,
      waitingChangesCountMax: 1,
      uploadConnectionsPerPeerMax: 2,
      uploadConnectionsMax: 3,
    },
  });

  test("a file that grows too large is refused, announced or not, and nothing stays", async () => {
    const client = await FtpClient.login(site.ftpPort);
    const large = Buffer.alloc(100_001);

    expect(await client.command("ALLO 100001")).toMatch(/^200 /);
    expect(await client.store("a.dsc", large)).toMatch(/^552 /);
    expect(await client.store("a.dsc", large)).toMatch(/^552 /);
    expect(await client.store("a.changes", Buffer.alloc(60_000))).toMatch(/^552 /);
    expect(await putStatus(site, "a.dsc", large)).toBe(413);
    expect(site.quarantine.usage).toEqual({ sizeBytes: 0, fileCount: 0 });
    expect(await client.store("a.dsc", Buffer.alloc(100_000))).toMatch(/^226 /);
    client.close();
  });

  test("quarantine takes so many bytes and files, and has room again after a while", async () => {
    for (const name of ["a", "b"]) await sendBytes(site, "http", name, Buffer.alloc(100_000));
    expect(await putStatus(site, "c", Buffer.alloc(100_000))).toBe(507);
    for (const name of ["c", "d"]) await sendBytes(site, "http", name, Buffer.alloc(1));
    expect(await putStatus(site, "e", Buffer.alloc(1))).toBe(507);
    const client = await FtpClient.login(site.ftpPort);
    expect(await client.store("e", Buffer.alloc(1))).toMatch(/^452 /);
    client.close();

    site.clock.advance(60 * 60 * 1000);
    await site.worker.idle();

    await sendBytes(site, "http", "e", Buffer.alloc(100_000));
  });

  test("only so many .changes may wait", async () => {
    const [one, two] = [await makeUpload(site), await makeUpload(site, { name: "second" })];
    await sendFile(site, "http", one.directory, one.changesName);
    await site.worker.idle();

    await expect(sendFile(site, "http", two.directory, two.changesName)).rejects.toThrow("507");
  });

  test("one address has only so many connections; another still gets in", async () => {
    const clients = [await FtpClient.login(site.ftpPort), await FtpClient.login(site.ftpPort)];

    const third = await FtpClient.connect(site.ftpPort);
    expect(await third.reply()).toMatch(/^421 too many upload connections are open from your address/);
    expect(await third.reply()).toBe("");
    const other = await FtpClient.login(site.ftpPort, "::1");
    expect(await other.command("NOOP")).toMatch(/^200 /);
    expect(await (await FtpClient.connect(site.ftpPort, "::1")).reply()).toMatch(/^421 /);

    for (const client of [...clients, other]) client.close();
    await expect.poll(async () => (await FtpClient.connect(site.ftpPort)).reply(), { timeout: 5_000 }).toMatch(/^220 /);
  });
});

describe("a silent client", () => {
  const site = useIncomingSite({ limits: { uploadIdleTimeoutMs: 200 } });

  test("is told so and disconnected", async () => {
    const client = await FtpClient.login(site.ftpPort);

    expect(await client.reply()).toMatch(/^421 /);
    expect(await client.reply()).toBe("");
  });

  test("in the middle of a transfer loses it, over FTP and HTTP", async () => {
    const client = await FtpClient.login(site.ftpPort);
    const data = await client.openPassive();
    expect(await client.command("STOR a.dsc")).toMatch(/^150 /);
    data.write("a");
    expect(await client.reply()).toMatch(/^426 /);

    const socket = await connectTo(site.httpPort);
    const closed = new Promise((resolve) => socket.on("close", resolve));
    socket.resume();
    socket.write("PUT /upload/b.dsc HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nb");
    await closed;

    await expectQuarantine(site, []);
    client.close();
  });
});

describe("the HTTP channel", () => {
  const site = useIncomingSite();

  test("takes names with + ~ and percent signs for what they are", async () => {
    const upload = await makeUpload(site, { name: "g++x", version: "1:2~rc1+dfsg-1" });
    for (const name of upload.names)
      await sendBytes(site, "http", encodeURIComponent(name), await readFile(join(upload.directory, name)));

    await expectDelivered(site, 1);
  });

  test.each(["..%2f..%2fx", "%2e%2e", "a%00b", "a/b", "", "%zz", ".x"])("refuses the name %j", async (name) => {
    expect(await putStatus(site, name, Buffer.from("x"))).toBe(400);
    await expectQuarantine(site, []);
  });

  test.each(["Origin: http://elsewhere.example", "Origin: null", "Sec-Fetch-Site: cross-site", "sec-fetch-mode: cors"])(
    "refuses a browser's request, which says %s",
    async (header) => {
      const socket = await connectTo(site.httpPort);
      socket.write(`PUT /upload/a.dsc HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${header}\r\nContent-Length: 1\r\n\r\na`);

      expect(await text(socket)).toMatch(
        /^HTTP\/1\.1 400 browsers cannot upload here: [^\r]*: Upload with dput[^\r]*\r\n[^]*Upload with dput/,
      );
      await expectQuarantine(site, []);
    },
  );

  test.each(["GET", "POST", "DELETE", "HEAD", "PROPFIND"])("refuses %s", async (method) => {
    const response = await fetch(`http://localhost:${site.httpPort}/upload/a.dsc`, { method });

    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("PUT");
  });
});
