import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { describe, expect, test } from "vitest";
import { findDputNg } from "../../support/dput-ng.ts";
import { expectDelivered, expectQuarantine, type IncomingSite, makeUpload, useIncomingSite } from "./incoming-site.ts";
import { connectTo, encryptedFtpPrograms, FtpClient, printed } from "./senders.ts";

const hasDputNg = (await findDputNg()) !== undefined;
const programs = encryptedFtpPrograms.filter((program) => hasDputNg || !program.name.startsWith("dput-ng"));

describe.each(programs)("$name over FTPS", (program) => {
  const site = useIncomingSite({ encryption: "required" });

  test("delivers an upload, byte for byte", async () => {
    const upload = await makeUpload(site, { name: "hello+plus", version: "1:1.0~rc1+b-1", upstreamText: "x".repeat(300_000) });

    const ended = await program.send(site, upload);

    expect(printed(ended)).not.toMatch(/Traceback|permissions error|failed/i);
    expect(ended.exitCode).toBe(0);
    await expectDelivered(site, 1);
    expect(site.deliveries[0]).toMatchObject({ changesName: upload.changesName, channel: "ftps" });
    for (const file of [upload.source.dsc, ...upload.source.files]) {
      expect(await readFile(join(site.receivedPath, file.name))).toEqual(await readFile(file.path));
    }
    await expectQuarantine(site, []);
  });
});

describe("where encryption is required", () => {
  const site = useIncomingSite({ encryption: "required" });

  test("nobody logs in in the clear, and no file is taken in the clear", async () => {
    const client = await FtpClient.connect(site.ftpPort);
    await client.reply();
    expect(await client.command("USER anonymous")).toMatch(/^530 .*AUTH TLS/);
    expect(await client.command("PROT P")).toMatch(/^503 /);

    const secure = await beginTls(client);
    await secure.say("USER anonymous");
    expect(await secure.say("PASS x")).toMatch(/^230 /);
    expect(await secure.say("PROT C")).toMatch(/^534 /);
    expect(await secure.say("CCC")).toMatch(/^534 /);
    expect(await secure.say("AUTH TLS")).toMatch(/^503 /);
    await secure.say("EPSV");
    expect(await secure.say("STOR a.dsc")).toMatch(/^522 .*PROT P/);
    secure.close();
    await expectQuarantine(site, []);
  });
});

describe("where encryption is offered", () => {
  const site = useIncomingSite({ encryption: "offered" });

  test("it is among the features, and FTP in the clear goes on", async () => {
    const client = await FtpClient.login(site.ftpPort);

    expect(await client.command("FEAT")).toMatch(/AUTH TLS[\s\S]*PBSZ[\s\S]*PROT/);
    expect(await client.command("AUTH KERBEROS_V4")).toMatch(/^504 /);
    expect(await client.store("clear.dsc", Buffer.from("clear"))).toMatch(/^226 /);
    client.close();
  });

  test("commands that were sent in the clear behind AUTH are not taken for encrypted: the connection ends", async () => {
    const client = await FtpClient.connect(site.ftpPort);
    await client.reply();

    await client.send("AUTH TLS\r\nUSER anonymous");

    expect(await client.reply()).toMatch(/^234 /);
    expect(await client.reply()).toBe("");
  });

  test("a client that sends no TLS after AUTH is cut off, and others are served on", async () => {
    const client = await FtpClient.connect(site.ftpPort);
    await client.reply();
    expect(await client.command("AUTH TLS")).toMatch(/^234 /);

    await client.send("GET / HTTP/1.1\r\n".repeat(50));

    await once(client.socket, "close");
    const other = await FtpClient.login(site.ftpPort);
    expect(await other.command("NOOP")).toMatch(/^200 /);
    other.close();
  });

  test("a data connection without the TLS that was announced stores nothing", async () => {
    const client = await FtpClient.connect(site.ftpPort);
    await client.reply();
    const secure = await beginTls(client);
    for (const line of ["USER anonymous", "PASS x", "CWD /incoming", "PBSZ 0"]) await secure.say(line);
    expect(await secure.say("PROT P")).toMatch(/^200 /);
    const port = Number(/\|\|\|(\d+)\|/.exec(await secure.say("EPSV"))?.[1]);

    const data = await connectTo(port, "127.0.0.1");
    expect(await secure.say("STOR clear.dsc")).toMatch(/^150 /);
    data.end("in the clear, not TLS at all");

    expect(await secure.next()).toMatch(/^425 the data connection could not be encrypted/);
    secure.close();
    await expectQuarantine(site, []);
  });

  test("an encrypted transfer that is cut off leaves nothing", async () => {
    const { secure, data } = await beginEncryptedStor(site, "cut.dsc");
    await new Promise<void>((resolve) => data.write(Buffer.alloc(100_000), () => resolve()));

    secure.close();
    data.destroy();

    await expectQuarantine(site, []);
  });

  test("TLS older than 1.2 is refused", async () => {
    const client = await FtpClient.connect(site.ftpPort);
    await client.reply();
    expect(await client.command("AUTH TLS")).toMatch(/^234 /);
    client.socket.removeAllListeners("data");
    const old = connectTls({
      socket: client.socket,
      rejectUnauthorized: false,
      minVersion: "TLSv1",
      maxVersion: "TLSv1.1",
      ciphers: "DEFAULT@SECLEVEL=0",
    });

    const [error] = (await once(old, "error")) as [Error];
    expect(error.message).toMatch(/protocol version|ECONNRESET|no protocols/);
  });
});

interface SecureClient {
  say(line: string): Promise<string>;
  next(): Promise<string>;
  close(): void;
}

async function beginTls(client: FtpClient): Promise<SecureClient> {
  expect(await client.command("AUTH TLS")).toMatch(/^234 /);
  client.socket.removeAllListeners("data");
  const socket = connectTls({ socket: client.socket, rejectUnauthorized: false });
  await once(socket, "secureConnect");
  return speaker(socket);
}

function speaker(socket: TLSSocket): SecureClient {
  let buffer = "";
  let wake: () => void = () => {};
  socket.on("error", () => {});
  socket.on("data", (chunk: Buffer) => {
    buffer += chunk.toString();
    wake();
  });
  const next = async (): Promise<string> => {
    for (;;) {
      const end = buffer.indexOf("\r\n");
      if (end >= 0) {
        const line = buffer.slice(0, end);
        buffer = buffer.slice(end + 2);
        return line;
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return {
    say: (line) => {
      socket.write(`${line}\r\n`);
      return next();
    },
    next,
    close: () => socket.destroy(),
  };
}

async function beginEncryptedStor(site: IncomingSite, name: string): Promise<{ secure: SecureClient; data: TLSSocket }> {
  const client = await FtpClient.connect(site.ftpPort);
  await client.reply();
  const secure = await beginTls(client);
  for (const line of ["USER anonymous", "PASS x", "CWD /incoming", "PBSZ 0", "PROT P"]) await secure.say(line);
  const port = Number(/\|\|\|(\d+)\|/.exec(await secure.say("EPSV"))?.[1]);
  const socket = await connectTo(port, "127.0.0.1");
  expect(await secure.say(`STOR ${name}`)).toMatch(/^150 /);
  const data = connectTls({ socket, rejectUnauthorized: false });
  data.on("error", () => {});
  await once(data, "secureConnect");
  return { secure, data };
}
