import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Session } from "../../../src/testbed/index.ts";
import { openRealTestbeds, type RealTestbeds } from "../../support/testbeds.ts";

let real: RealTestbeds;

beforeAll(async () => {
  real = await openRealTestbeds();
});

afterAll(async () => {
  await real?.dispose();
});

function start(): Promise<Session> {
  return real.testbeds.startSession({ layers: [real.base.id] });
}

async function output(session: Session, ...argv: [string, ...string[]]): Promise<string> {
  return (await session.runChecked({ argv })).stdout.toString("utf8").trim();
}

test("a program runs as root inside, with nothing inherited and its own names", async () => {
  await using session = await start();

  expect(await output(session, "id", "-u")).toBe("0");
  expect(await output(session, "pwd")).toBe("/");
  expect(await output(session, "hostname")).toBe("testbed");
  expect(await output(session, "sh", "-c", "env | cut -d= -f1 | sort | tr '\\n' ' '")).toBe("HOME LC_ALL PATH PWD");
  expect(await output(session, "getent", "hosts", "testbed")).toContain("127.0.1.1");
});

test("a program runs as the ordinary user, where it is told to", async () => {
  await using session = await start();

  const ended = await session.run({
    argv: ["sh", "-c", "id -un; pwd; echo $WORD"],
    user: "sbuild",
    cwd: "/tmp",
    env: { WORD: "x y" },
  });

  expect(ended.stdout.toString("utf8")).toBe("sbuild\n/tmp\nx y\n");
});

test("the exit status, a signal and a time limit are told apart", async () => {
  await using session = await start();

  expect(await session.run({ argv: ["sh", "-c", "exit 7"] })).toMatchObject({ reason: "exited", exitCode: 7 });
  expect((await session.run({ argv: ["sleep", "100"], timeoutMs: 100 })).reason).toBe("timed-out");
  expect((await session.run({ argv: ["sleep", "100"], signal: AbortSignal.timeout(100) })).reason).toBe("cancelled");
});

test.each(["own", "same"] as const)(
  "what enters (%s login session) and is told to stop takes its program along, and leaves nobody to be reaped",
  async (login) => {
    await using session = await start();
    const [program, ...args] = [...session.enterArguments(login), "sh", "-c", "echo running; exec sleep 61301"] as const;
    const entered = spawn(program, args, { detached: true, stdio: ["ignore", "pipe", "ignore"] });
    await once(entered.stdout, "data");
    const ended = once(entered, "exit");

    process.kill(-(entered.pid ?? 0), "SIGTERM");

    expect(await ended).toEqual([null, "SIGTERM"]);
    expect(await output(session, "sh", "-c", "grep -lz '[6]1301' /proc/[0-9]*/cmdline || true")).toBe("");
  },
);

test("every device, shared memory, terminals and the loopback work", async () => {
  await using session = await start();

  expect(
    await output(session, "sh", "-c", "head -c 4 /dev/urandom | wc -c; echo x > /dev/null; echo y > /dev/shm/y; cat /dev/shm/y"),
  ).toBe("4\ny");
  expect(await output(session, "script", "-qc", "tty", "/dev/null")).toMatch(/^\/dev\/pts\/\d+/);
  const listen =
    "use IO::Socket::INET; my $s = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die; print IO::Socket::INET->new('127.0.0.1:' . $s->sockport) ? 'ok' : 'no'";
  expect(await output(session, "perl", "-e", listen)).toBe("ok");
});

test("files and directories go in and come out", async () => {
  const from = join(real.scratch, "in");
  await mkdir(join(from, "sub"), { recursive: true });
  await writeFile(join(from, "a file"), "1");
  await writeFile(join(from, "sub/program"), "#!/bin/sh\necho ran\n", { mode: 0o755 });
  await symlink("a file", join(from, "link"));
  await using session = await start();

  await session.copyIn(from, "/tmp/tree");
  await session.copyIn(join(from, "a file"), "/tmp/deep/er/file");
  await session.copyOut("/tmp/tree", join(real.scratch, "out"));
  await session.copyOut("/tmp/deep/er/file", join(real.scratch, "one"));

  expect(await output(session, "/tmp/tree/sub/program")).toBe("ran");
  expect(await output(session, "stat", "-c", "%U", "/tmp/tree/a file")).toBe("root");
  expect((await readdir(join(real.scratch, "out"), { recursive: true })).toSorted()).toEqual(["a file", "sub", "sub/program"]);
  expect(await readFile(join(real.scratch, "one"), "utf8")).toBe("1");
});

test("a copy out is bounded", async () => {
  await using session = await start();
  await output(session, "sh", "-c", "mkdir /tmp/big; head -c 3000000 /dev/zero > /tmp/big/zeros");

  const directory = session.copyOut("/tmp/big", join(real.scratch, "big"), { sizeBytesMax: 1_000_000 });
  await expect(directory).rejects.toMatchObject({ code: "TESTBED_OUTPUT_TOO_LARGE" });
  const file = session.copyOut("/tmp/big/zeros", join(real.scratch, "zeros"), { sizeBytesMax: 1_000_000 });
  await expect(file).rejects.toMatchObject({ code: "TESTBED_OUTPUT_TOO_LARGE" });
});

test("two sessions do not see each other, and the layer stays as it was", async () => {
  await using one = await start();
  await using two = await start();

  await output(
    one,
    "sh",
    "-c",
    "echo changed > /etc/debian_version; rm /usr/bin/perl; touch /tmp/mine; sleep 1000 > /dev/null 2>&1 &",
  );

  expect(await output(two, "sh", "-c", "ls /tmp /usr/bin/perl; ls /proc | grep -c '^[0-9]'")).toMatch(
    /^\/usr\/bin\/perl\n\n?\/tmp:\n\d$/,
  );
  expect(await output(two, "cat", "/etc/debian_version")).not.toContain("changed");
  await one.close();
  await using three = await start();
  expect(await output(three, "cat", "/etc/debian_version")).not.toContain("changed");
});

test("closing ends every process and removes what was written, whoever owns it", async () => {
  const session = await start();
  await output(
    session,
    "sh",
    "-c",
    "mkdir -m 000 /root/closed /srv/x; touch /srv/x/y; chown -R 1234:4321 /srv/x; echo x > /etc/passwd",
  );
  const ending = session.run({ argv: ["sleep", "1000"] });

  await session.close();
  await session.close();

  expect((await ending).reason).not.toBe("timed-out");
  expect(session.ended.aborted).toBe(true);
  const stores = await readdir(join(real.directory, "store"));
  expect(stores).not.toContain(session.id);
  expect(await readdir(join(real.directory, "sessions"))).not.toContain(`${session.id}.json`);
});

test("a session on a layer that is not there is refused", async () => {
  await expect(real.testbeds.startSession({ layers: ["deps-none", real.base.id] })).rejects.toMatchObject({
    code: "LAYER_NOT_FOUND",
  });
});
