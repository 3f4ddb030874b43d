import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { runChecked, runCommand } from "../../../src/runtime/index.ts";
import { findDputNg } from "../../support/dput-ng.ts";
import { expectDelivered, expectQuarantine, makeUpload, useIncomingSite, WAIT } from "./incoming-site.ts";
import { connectTo, makeDirectoryFor, printed, runSftp, sendBytes, sftpPrograms } from "./senders.ts";

const hasDputNg = (await findDputNg()) !== undefined;
const programs = sftpPrograms.filter((program) => hasDputNg || !program.name.startsWith("dput-ng"));

describe.each(programs)("$name", (program) => {
  const site = useIncomingSite({ sftp: true });

  test("delivers an upload, byte for byte", async () => {
    const upload = await makeUpload(site, { name: "hello+plus", version: "1:1.0~rc1+b-1", upstreamText: "x".repeat(300_000) });

    const ended = await program.send(site, upload);

    expect(printed(ended)).not.toMatch(/Traceback|permission|failed|failure/i);
    expect(ended.exitCode).toBe(0);
    await expectDelivered(site, 1);
    expect(site.deliveries[0]).toMatchObject({ changesName: upload.changesName, channel: "sftp" });
    for (const file of [upload.source.dsc, ...upload.source.files]) {
      expect(await readFile(join(site.receivedPath, file.name))).toEqual(await readFile(file.path));
    }
    await expectQuarantine(site, []);
  });
});

describe("the SFTP server", () => {
  const site = useIncomingSite({ sftp: true });

  test("lets nobody in without the key, and no other user with it", async () => {
    const upload = await makeUpload(site);

    const asBob = await runSftp(site, upload, { user: "bob" });
    expect(asBob.exitCode).not.toBe(0);
    expect(printed(asBob)).toMatch(/Permission denied \(publickey\)/);

    await runChecked({ argv: ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", join(site.workPath, "other")] });
    await writeFile(site.sshKeyPath, await readFile(join(site.workPath, "other")), { mode: 0o600 });
    const withOther = await runSftp(site, upload);
    expect(printed(withOther)).toMatch(/Permission denied \(publickey\)/);
    await expectQuarantine(site, []);
  });

  test("shows its host key, the same after a restart", async () => {
    const before = await readFile(join(site.workPath, "keys", "ssh_host_key"), "utf8");
    const listed = await runChecked({ argv: ["ssh-keygen", "-y", "-f", join(site.workPath, "keys", "ssh_host_key")] });
    expect(await readFile(site.knownHostsPath, "utf8")).toContain(listed.stdout.toString().split(" ")[1]);

    await site.restart();

    expect(await readFile(join(site.workPath, "keys", "ssh_host_key"), "utf8")).toBe(before);
  });

  test("lets nobody read, remove or rename files, or put them elsewhere", async () => {
    await sendBytes(site, "ftp", "others.dsc", Buffer.from("another's"));
    const path = join(site.workPath, "file");
    await writeFile(path, "mine");
    const lines = [
      "get /incoming/others.dsc",
      "rm /incoming/others.dsc",
      "rename /incoming/others.dsc /incoming/mine.dsc",
      "mkdir /incoming/sub",
      "rmdir /incoming",
      "get /etc/passwd",
      "ln -s /etc/passwd /incoming/x.dsc",
      `put ${path} /etc/x.dsc`,
      `put ${path} /incoming/../../etc/x.dsc`,
      `put ${path} /incoming/sub/x.dsc`,
      `put ${path} /incoming/.hidden`,
    ];

    // With a hyphen in front it goes on after a failure.
    const ended = await runSftp(site, { directory: "", names: [] }, { batch: lines.map((line) => `-${line}`) });

    const refusals = printed(ended).match(/permission denied|not found|no such file|: failure|not a directory/gi) ?? [];
    expect(refusals.length).toBeGreaterThanOrEqual(lines.length);
    await expectQuarantine(site, ["others.dsc"]);
  });

  test("lists what this session itself has sent, and nobody else's", async () => {
    await sendBytes(site, "ftp", "others.dsc", Buffer.from("another's"));
    const path = join(site.workPath, "file");
    await writeFile(path, "mine");

    const ended = await runSftp(site, { directory: "", names: [] }, { batch: [`put ${path} mine.dsc`, "cd /incoming", "ls"] });

    expect(ended.exitCode).toBe(0);
    expect(ended.stdout.toString()).toContain("mine.dsc");
    expect(ended.stdout.toString()).not.toContain("others");
  });

  test("gives no shell, runs no commands, and forwards nothing", async () => {
    const shared = [
      "-F",
      "none",
      "-o",
      `UserKnownHostsFile=${site.knownHostsPath}`,
      "-o",
      "BatchMode=yes",
      "-i",
      site.sshKeyPath,
    ];
    const ssh = (...args: string[]) =>
      runCommand({
        argv: ["ssh", ...shared, "-p", `${site.sftp.port}`, ...args],
        timeoutMs: 30_000,
        env: { HOME: site.workPath },
      });

    for (const command of [["id"], ["chmod 0644 /etc/passwd"], ["chmod 0644 /incoming/../x; id"], []]) {
      const ended = await ssh("ann@localhost", ...command);
      expect(ended.exitCode).not.toBe(0);
      expect(ended.stdout.toString()).toBe("");
    }
    const forwarded = await ssh("-W", `localhost:${site.ftpPort}`, "ann@localhost");
    expect(forwarded.exitCode).not.toBe(0);
    expect(forwarded.stdout.toString()).toBe("");
  });

  test("an interrupted transfer leaves nothing", async () => {
    const path = join(await makeDirectoryFor(site, "big"), "big.orig.tar");
    await writeFile(path, Buffer.alloc(200 * 1024 ** 2));
    const interrupt = new AbortController();
    const options = [
      "-F",
      "none",
      "-o",
      `UserKnownHostsFile=${site.knownHostsPath}`,
      "-o",
      "BatchMode=yes",
      "-i",
      site.sshKeyPath,
    ];

    const running = runCommand({
      argv: ["scp", "-q", ...options, "-P", `${site.sftp.port}`, "-l", "200000", path, "ann@localhost:/incoming"],
      env: { HOME: site.workPath },
      signal: interrupt.signal,
      gracePeriodMs: 1,
    });
    await vi.waitFor(() => expect(site.quarantine.usage.sizeBytes).toBeGreaterThan(1024 ** 2), WAIT);
    interrupt.abort();
    await running;

    await vi.waitFor(() => expect(site.quarantine.usage).toEqual({ sizeBytes: 0, fileCount: 0 }), WAIT);
    await expectQuarantine(site, []);
  });

  test("when the process that speaks SSH dies, its transfers leave nothing, and the next upload starts another", async () => {
    const upload = await makeUpload(site);
    const socket = await connectTo(site.sftp.port);
    await vi.waitFor(() => expect(site.sftp.processId).toBeDefined(), WAIT);
    const first = site.sftp.processId!;

    process.kill(first, "SIGKILL");
    await vi.waitFor(() => expect(site.sftp.processId).toBeUndefined(), WAIT);
    socket.destroy();

    expect((await runSftp(site, upload)).exitCode).toBe(0);
    expect(site.sftp.processId).not.toBe(first);
    await expectDelivered(site, 1);
  });

  test("garbage, and half a greeting, end with their own connection", async () => {
    const upload = await makeUpload(site);
    for (const bytes of [
      Buffer.alloc(100_000, 0xff),
      Buffer.from("SSH-2.0-x\r\n\xff\xff\xff\xff garbage", "latin1"),
      Buffer.from("SSH-1.5-old\r\n"),
    ]) {
      const socket = await connectTo(site.sftp.port);
      socket.resume();
      socket.write(bytes);
      await vi.waitFor(() => expect(socket.destroyed).toBe(true), { timeout: 40_000 });
    }

    expect((await runSftp(site, upload)).exitCode).toBe(0);
    await expectDelivered(site, 1);
  });
});

describe("with small limits, SFTP", () => {
  const site = useIncomingSite({
    sftp: true,
    limits: { uploadFileSizeBytesMax: 100_000, uploadConnectionsPerPeerMax: 2, uploadIdleTimeoutMs: 3_000 },
  });

  test("refuses a file that grows too large, says why, and goes on", async () => {
    const large = join(site.workPath, "large.orig.tar");
    await writeFile(large, Buffer.alloc(3 * 1024 ** 2));
    const small = join(site.workPath, "small.orig.tar");
    await writeFile(small, "small");

    const ended = await runSftp(site, { directory: "", names: [] }, { batch: [`-put ${large}`, `put ${small}`] });

    expect(ended.exitCode).toBe(0);
    expect(printed(ended)).toMatch(/mini-buildd: large\.orig\.tar is larger than the 100000 bytes/);
    await expectQuarantine(site, ["small.orig.tar"]);
  });

  test("has only so many connections for one address, says so, and frees them", async () => {
    const sockets = [await connectTo(site.sftp.port), await connectTo(site.sftp.port)];
    const third = await connectTo(site.sftp.port);
    let heard = "";
    third.on("data", (chunk) => {
      heard += chunk.toString();
    });
    await vi.waitFor(() => expect(heard).toMatch(/too many upload connections are open from your address/), WAIT);

    for (const socket of sockets) socket.destroy();
    const upload = await makeUpload(site);
    await vi.waitFor(async () => expect((await runSftp(site, upload)).exitCode).toBe(0), { timeout: 30_000 });
  });

  test("disconnects who is silent", async () => {
    const socket = await connectTo(site.sftp.port);
    socket.resume();

    await vi.waitFor(() => expect(socket.destroyed).toBe(true), { timeout: 40_000 });
  });
});
