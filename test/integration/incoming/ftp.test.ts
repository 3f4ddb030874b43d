import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { describe, expect, test, vi } from "vitest";
import { runCommand } from "../../../src/runtime/index.ts";
import { expectDelivered, expectQuarantine, makeUpload, useIncomingSite, WAIT } from "./incoming-site.ts";
import { connectTo, FtpClient, makeDirectoryFor, sendBytes, sendFile } from "./senders.ts";

describe("the FTP server", () => {
  const site = useIncomingSite();

  test("lets only anonymous in, and does nothing before that", async () => {
    const client = await FtpClient.connect(site.ftpPort);
    expect(await client.reply()).toMatch(/^220 /);

    expect(await client.command("PASV")).toMatch(/^530 /);
    expect(await client.command("USER root")).toMatch(/^530 /);
    expect(await client.command("PASS x")).toMatch(/^503 /);
    expect(await client.command("USER Anonymous")).toMatch(/^331 /);
    expect(await client.command("PASS x")).toMatch(/^230 /);
    expect(await client.command("PWD")).toBe('257 "/" is the current directory');
    expect(await client.command("QUIT")).toMatch(/^221 /);
    expect(await client.reply()).toBe("");
  });

  test.each([
    "RETR hello.dsc",
    "DELE hello.dsc",
    "RNFR hello.dsc",
    "RNTO x",
    "MKD x",
    "RMD x",
    "APPE hello.dsc",
    "STOU",
    "SIZE hello.dsc",
    "MDTM hello.dsc",
    "STAT /incoming",
    "CWD /etc",
  ])("refuses %s on others' files", async (line) => {
    await sendBytes(site, "ftp", "hello.dsc", Buffer.from("another's"));
    const client = await FtpClient.login(site.ftpPort);

    expect(await client.command(line)).toMatch(/^550 /);
    client.close();
  });

  test("refuses what could change a transfer: REST, MODE, STRU, SITE, AUTH, PROT", async () => {
    const client = await FtpClient.login(site.ftpPort);

    expect(await client.command("REST 100")).toMatch(/^504 /);
    expect(await client.command("MODE B")).toMatch(/^504 /);
    expect(await client.command("STRU R")).toMatch(/^504 /);
    expect(await client.command("SITE CHMOD 777 x")).toMatch(/^502 /);
    expect(await client.command("AUTH TLS")).toMatch(/^504 /);
    expect(await client.command("constructor")).toMatch(/^50[02] /);
    client.close();
  });

  test("lists a session its own files and nobody else's", async () => {
    await sendBytes(site, "ftp", "others.dsc", Buffer.from("another's"));
    const client = await FtpClient.login(site.ftpPort);
    await client.store("mine.dsc", Buffer.from("mine"));

    const data = await client.openPassive();
    let listing = "";
    data.on("data", (chunk) => {
      listing += chunk.toString();
    });
    const closed = once(data, "close");
    expect(await client.command("NLST")).toMatch(/^150 /);
    expect(await client.reply()).toMatch(/^226 /);
    await closed;

    expect(listing).toBe("mine.dsc\r\n");
    expect(await client.command("SIZE mine.dsc")).toBe("213 4");
    expect(await client.command("MDTM mine.dsc")).toMatch(/^213 \d{14}$/);
    client.close();
  });

  test("connects in active mode to the client only", async () => {
    const client = await FtpClient.login(site.ftpPort);

    expect(await client.command("PORT 10,0,0,1,200,1")).toMatch(/^504 /);
    expect(await client.command("EPRT |1|192.0.2.1|5000|")).toMatch(/^504 /);
    expect(await client.command("EPRT |2|::1|5000|")).toMatch(/^504 /);
    expect(await client.command("PORT 127,0,0,1,0,22")).toMatch(/^504 /);
    expect(await client.command("STOR a.dsc")).toMatch(/^425 /);
    client.close();
  });

  test("stores a file in active mode, by PORT", async () => {
    const listener = createServer((socket) => socket.end("content"));
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    const { port } = listener.address() as { port: number };
    const client = await FtpClient.login(site.ftpPort);

    expect(await client.command(`PORT 127,0,0,1,${port >> 8},${port & 255}`)).toMatch(/^200 /);
    expect(await client.command("STOR active.dsc")).toMatch(/^150 /);

    expect(await client.reply()).toBe("226 Stored active.dsc, 7 bytes");
    client.close();
    listener.close();
  });

  test("takes the passive connection from the client's address only", async () => {
    const client = await FtpClient.login(site.ftpPort);
    const port = Number(
      /\((?:\d+,){4}(\d+),(\d+)\)/
        .exec(await client.command("PASV"))
        ?.slice(1)
        .reduce((high, low) => `${Number(high) * 256 + Number(low)}`),
    );
    const stranger = connect({ port, host: "127.0.0.1", localAddress: "127.0.0.2" });
    stranger.on("error", () => {});
    await once(stranger, "close");

    const data = await connectTo(port, "127.0.0.1");
    expect(await client.command("STOR mine.dsc")).toMatch(/^150 /);
    data.end("mine");

    expect(await client.reply()).toBe("226 Stored mine.dsc, 4 bytes");
    client.close();
  });

  test("serves IPv6 by EPSV, and refuses PASV there", async () => {
    const client = await FtpClient.login(site.ftpPort, "::1");

    expect(await client.command("PASV")).toMatch(/^425 /);
    expect(await client.command("EPSV 1")).toMatch(/^522 .*\(2\)/);
    expect(await client.store("six.dsc", Buffer.from("six"))).toBe("226 Stored six.dsc, 3 bytes");
    expect(await client.command("EPSV ALL")).toMatch(/^200 /);
    expect(await client.command("EPRT |2|::1|5000|")).toMatch(/^503 /);
    client.close();
  });

  test("ABOR ends a transfer, leaves nothing of it, and the session goes on", async () => {
    const client = await FtpClient.login(site.ftpPort);
    const data = await client.openPassive();
    expect(await client.command("STOR big.dsc")).toMatch(/^150 /);
    await new Promise<void>((resolve) => data.write(Buffer.alloc(100_000), () => resolve()));

    expect(await client.command("ABOR")).toMatch(/^426 /);

    expect(await client.reply()).toMatch(/^226 /);
    await expectQuarantine(site, []);
    expect(await client.store("next.dsc", Buffer.from("next"))).toMatch(/^226 /);
    client.close();
  });

  test("a file shorter than ALLO announced is refused, and nothing of it stays", async () => {
    const client = await FtpClient.login(site.ftpPort);
    expect(await client.command("ALLO 100")).toMatch(/^200 /);

    expect(await client.store("short.dsc", Buffer.from("short"))).toMatch(/^426 /);

    await expectQuarantine(site, []);
    client.close();
  });

  test("a client that closes the data connection and dies before our reply leaves nothing", async () => {
    const client = await FtpClient.login(site.ftpPort);
    const data = await client.openPassive();
    expect(await client.command("STOR cut.dsc")).toMatch(/^150 /);
    data.end(Buffer.alloc(1000));
    await once(data, "close");
    client.socket.resetAndDestroy();

    await expectQuarantine(site, []);
  });

  test("an interrupted dput leaves nothing of the file it was sending", async () => {
    const big = Buffer.alloc(300 * 1024 ** 2);
    const path = `${await makeDirectoryFor(site, "big")}/big.orig.tar`;
    await writeFile(path, big);
    const interrupt = new AbortController();
    const script =
      "import ftplib,sys; f=ftplib.FTP(); f.connect('localhost',int(sys.argv[1])); f.login(); f.cwd('/incoming'); f.storbinary('STOR big.orig.tar', open(sys.argv[2],'rb'), 1024)";

    const running = runCommand({
      argv: ["/usr/bin/python3", "-c", script, String(site.ftpPort), path],
      signal: interrupt.signal,
    });
    await vi.waitFor(() => expect(site.quarantine.usage.sizeBytes).toBeGreaterThan(1024 ** 2), WAIT);
    interrupt.abort();
    expect((await running).reason).toBe("cancelled");

    await vi.waitFor(() => expect(site.quarantine.usage).toEqual({ sizeBytes: 0, fileCount: 0 }), WAIT);
    await expectQuarantine(site, []);
  });

  test("disconnects who speaks something else", async () => {
    const client = await FtpClient.connect(site.ftpPort);
    await client.reply();

    await client.send("GET / HTTP/1.1\r\n".repeat(20));

    let last = await client.reply();
    for (let next = last; next !== ""; next = await client.reply()) last = next;
    expect(last).toMatch(/^421 /);
  });

  test("a .changes is looked at without waiting for the connection's end", async () => {
    const upload = await makeUpload(site);
    for (const name of upload.names.slice(0, -1)) await sendFile(site, "ftp", upload.directory, name);
    const client = await FtpClient.login(site.ftpPort);

    expect(await client.store(upload.changesName, await readFile(upload.changesPath))).toMatch(/^226 /);

    await expectDelivered(site, 1);
    client.close();
  });

  test("ends connections when it is closed, and leaves nothing of what was under way", async () => {
    const client = await FtpClient.login(site.ftpPort);
    const data = await client.openPassive();
    expect(await client.command("STOR half.dsc")).toMatch(/^150 /);
    await new Promise<void>((resolve) => data.write("half", () => resolve()));

    await site.restart();

    expect(await client.reply()).toMatch(/^421 |^$/);
    await expectQuarantine(site, []);
  });
});
