import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, open, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { runCommand, systemClock } from "../../../src/runtime/index.ts";
import { loadIdMap } from "../../../src/testbed/id-map.ts";
import type { Session } from "../../../src/testbed/index.ts";
import { LayerStore } from "../../../src/testbed/layer-store.ts";
import { sessionLimits } from "../../../src/testbed/session-limits.ts";
import { startSession } from "../../../src/testbed/start-session.ts";
import { openRealTestbeds, type RealTestbeds } from "../../support/testbeds.ts";

/** What root inside a session tries. Each attack that would work in a weaker sandbox has a control that shows so. */
let real: RealTestbeds;
let session: Session;
/** In a directory of the host that everybody may read. */
let openSecretPath: string;
/** Mode 0600 of the user that is the daemon here. */
let closedSecretPath: string;
let hostDirectory: string;

beforeEach(async () => {
  // Some attacks destroy the session they are made in.
  session = await real.testbeds.startSession({ layers: [real.base.id] });
});

afterEach(async () => {
  await session.close();
});

beforeAll(async () => {
  real = await openRealTestbeds();
  hostDirectory = await mkdtemp("/var/tmp/mbd-secret-");
  openSecretPath = join(hostDirectory, "open");
  closedSecretPath = join(real.directory, `secret-${process.pid}`);
  await runCommand({ argv: ["chmod", "755", hostDirectory] });
  await writeFile(openSecretPath, "SECRET", { mode: 0o644 });
  await writeFile(closedSecretPath, "SECRET", { mode: 0o600 });
});

afterAll(async () => {
  await rm(hostDirectory, { recursive: true, force: true });
  await rm(closedSecretPath, { force: true });
  await real?.dispose();
});

async function inside(script: string, ...args: string[]): Promise<string> {
  const ended = await session.run({ argv: ["sh", "-c", script, "sh", ...args], timeoutMs: 30_000 });
  return (ended.stdout.toString("utf8") + ended.stderr.toString("utf8")).trim();
}

/** The four lines that leave every chroot: change root below, climb from a working directory that stayed outside. */
const DOUBLE_CHROOT = `mkdir "/jail$$"; chroot "/jail$$"; chdir ".." for 1 .. 64; chroot "."; open my $f, "<", $ARGV[0] or die "no way: $!\\n"; print <$f>`;

test("a double chroot does not lead out", async () => {
  expect(await inside('perl -e "$1" "$2"', DOUBLE_CHROOT, openSecretPath)).toContain("no way: No such file");
  expect(await inside('perl -e "$1" "$2"', DOUBLE_CHROOT, closedSecretPath)).toContain("no way");
});

test("control: the same double chroot leads out of a mere chroot", async () => {
  const jail = join(hostDirectory, "jail");
  await mkdir(jail);
  const ended = await runCommand({
    argv: ["unshare", "--user", "--map-root-user", "perl", "-e", `chroot "${jail}"; ${DOUBLE_CHROOT}`, openSecretPath],
  });

  expect(ended.stdout.toString("utf8")).toBe("SECRET");
});

test("nothing of the testbed runs, or is needed, while the host's files are still there", async () => {
  const trap = join(hostDirectory, "umount");
  await writeFile(trap, `#!/bin/sh\ncp ${openSecretPath} /tmp/found\n`, { mode: 0o755 });
  await runCommand({ argv: ["chmod", "755", trap] });
  const store = await LayerStore.open(real.directory, await loadIdMap(), systemClock);
  const lifelinePath = join(real.scratch, "lifeline");
  await runCommand({ argv: ["mkfifo", lifelinePath] });
  await using _lifeline = await open(lifelinePath, "r+");
  const binds = [{ source: trap, target: "/usr/bin/umount", access: "ro" as const }];
  await using trapped = await startSession({ store, lifelinePath, binds, limits: sessionLimits() }, { layers: [real.base.id] });

  const found = await trapped.run({ argv: ["cat", "/tmp/found"] });

  expect(found.stderr.toString("utf8")).toContain("No such file");
});

test("entering leaves no working directory outside", async () => {
  expect(await inside('cd ..; cat "../../../../..$1"; cat ".$1"', openSecretPath)).not.toContain("SECRET");
  expect(await inside("readlink /proc/self/cwd /proc/self/root")).toBe("/\n/");
});

test("control: nsenter's --wd=/ is a tunnel to the host", async () => {
  const target = session.enterArguments("same").find((argument) => argument.startsWith("--target=")) ?? "";
  const ended = await runCommand({
    argv: [
      "nsenter",
      target,
      "--user",
      "--mount",
      "--pid",
      "--root",
      "--wd=/",
      "--setuid=0",
      "--setgid=0",
      "--",
      "cat",
      `.${openSecretPath}`,
    ],
  });

  expect(ended.stdout.toString("utf8")).toBe("SECRET");
});

test("no root, working directory or descriptor of any process leads out", async () => {
  const found = await inside(
    'for p in /proc/[0-9]*; do for d in root cwd fd/0 fd/1 fd/2 fd/3 fd/9; do cat "$p/$d$1" "$p/$d/../../../..$1" 2> /dev/null; done; done',
    openSecretPath,
  );

  expect(found).toBe("");
});

test("the first process holds nothing of the host", async () => {
  expect(await inside("for d in /proc/1/fd/*; do readlink $d; done; readlink /proc/1/cwd /proc/1/root /proc/1/exe")).toBe(
    ["/dev/null", "/dev/null", "/dev/null", "/", "/", "/usr/bin/sleep"].join("\n"),
  );
});

test("descriptors that the caller has open are not inherited", async () => {
  const directory = await open("/", "r");
  try {
    const [program, ...args] = [
      ...session.enterArguments("same"),
      "sh",
      "-c",
      'ls /proc/self/fd; cat "/proc/self/fd/3$0"',
      openSecretPath,
    ] as unknown as [string, ...string[]];
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore", directory.fd] });
    let text = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      text += chunk.toString("utf8");
    });
    await once(child, "close");

    // 3 is the directory that ls itself reads.
    expect(text.trim().split("\n")).toEqual(["0", "1", "2", "3"]);
  } finally {
    await directory.close();
  }
});

test("host processes are neither seen nor killed", async () => {
  const sleeper = spawn("sleep", ["1000"]);
  const ended = once(sleeper, "exit");
  try {
    expect(await inside("kill -9 $1", String(sleeper.pid))).toMatch(/No such process/);
    await inside("kill -9 -1");
    expect(await inside("ls /proc | grep -c '^[0-9]'")).toMatch(/^[1-9]$/);
    expect(sleeper.exitCode).toBeNull();
    expect(sleeper.signalCode).toBeNull();
  } finally {
    sleeper.kill("SIGKILL");
    await ended;
  }
});

test("root inside cannot end or outlive its own first process", async () => {
  await inside("kill -9 1; kill -STOP 1; echo 1 > /proc/1/oom_score_adj");

  expect(await inside("readlink /proc/1/exe")).toBe("/usr/bin/sleep");
});

test("the host's network cannot be reached", async () => {
  const server = createServer((socket) => socket.end("SECRET"));
  const port = await listen(server, { host: "127.0.0.1", port: 0 });
  const connect = `use IO::Socket::INET; my $s = IO::Socket::INET->new("127.0.0.1:$ARGV[0]") or die "no way: $!\\n"; print <$s>`;
  const fetching = await real.testbeds.startSession({ layers: [real.base.id], network: "host" });
  try {
    expect(await inside('perl -e "$1" "$2"', connect, String(port))).toMatch(/no way: Connection refused/);
    expect(await inside("cat /proc/net/dev | tail -n +3 | cut -d: -f1 | tr -d ' '")).toBe("lo");
    expect(await inside("cat /proc/net/route | wc -l")).toBe("1");
    // Control: a session that fetches does reach it.
    const control = await fetching.run({ argv: ["perl", "-e", connect, String(port)] });
    expect(control.stdout.toString("utf8")).toBe("SECRET");
  } finally {
    await fetching.close();
    server.close();
  }
});

test("abstract sockets of the host cannot be reached", async () => {
  const name = `mbd-test-${process.pid}`;
  const server = createServer((socket) => socket.end("SECRET"));
  await listen(server, { path: `\0${name}` });
  const connect = `use IO::Socket::UNIX; my $s = IO::Socket::UNIX->new(Peer => "\\0$ARGV[0]") or die "no way: $!\\n"; print <$s>`;
  try {
    expect(await inside('perl -e "$1" "$2"', connect, name)).toMatch(/no way/);
    const control = await runCommand({ argv: ["perl", "-e", connect, name] });
    expect(control.stdout.toString("utf8")).toBe("SECRET");
  } finally {
    server.close();
  }
});

test("what the session sees read-only of layers and downloads, its root cannot write to", async () => {
  const store = await LayerStore.open(real.directory, await loadIdMap(), systemClock);
  await store.asTestbedRoot(["mkdir", "-p", "archives"]);
  await session.close();
  session = await real.testbeds.startSession({ layers: [real.base.id], innerLayers: [real.base.id], withPackages: true });
  const attempts = await inside(
    `mkdir -p /tmp/m /tmp/n
     for shared in /mini-buildd/layers/0 /var/cache/apt/archives; do
       mount -o remount,bind,rw $shared && echo remounted; touch $shared/planted && echo planted
       mount --bind $shared /tmp/m && mount -o remount,bind,rw /tmp/m; touch /tmp/m/planted && echo planted
       mount --rbind / /tmp/n; mount -o remount,bind,rw /tmp/n$shared; touch /tmp/n$shared/planted && echo planted
       umount -l $shared && echo taken away
       unshare --user --map-root-user --mount sh -c "mount -o remount,bind,rw $shared; touch $shared/planted" && echo planted
     done`,
  );

  expect(attempts).not.toMatch(/^(?:remounted|planted|taken away)$/m);
  expect(attempts).toMatch(/Read-only file system/);
});

test("devices cannot be made, and there are only harmless ones", async () => {
  expect(
    await inside("for kind in 'b 254 0' 'b 8 0' 'c 1 1' 'c 10 229'; do mknod /tmp/dev $kind && echo made; done"),
  ).not.toContain("made");
  expect(await inside('for f in /dev/*; do [ ! -L $f ] && [ -c $f -o -b $f ] && echo -n "$f "; done')).toBe(
    "/dev/full /dev/null /dev/random /dev/tty /dev/urandom /dev/zero",
  );
});

test("no file system of the host can be mounted", async () => {
  const { stdout } = await runCommand({ argv: ["findmnt", "--noheadings", "--output=MAJ:MIN", "/"] });
  const device = stdout.toString("utf8").trim().replace(":", " ");
  const attempts = await inside(
    `mkdir -p /tmp/m; mknod /tmp/root b $1; for type in ext4 xfs btrfs devtmpfs; do mount -t $type /tmp/root /tmp/m && echo mounted $type; done
     mount --bind /proc/1/root /tmp/m && ls "/tmp/m$2"; umount /tmp/m
     umount -l / ; umount -l /proc; mount -t proc proc /proc; ls "$2"`,
    device,
    openSecretPath,
  );

  expect(attempts).not.toMatch(/^mounted/m);
  expect(attempts).not.toMatch(new RegExp(`^${openSecretPath}$`, "m"));
});

test("only our own mounts are there, and under them nothing of the host", async () => {
  expect(await inside("cut -d' ' -f3 /proc/self/mounts | sort -u | tr '\\n' ' '")).toBe(
    "devpts devtmpfs overlay proc sysfs tmpfs",
  );
  expect(
    await inside(
      "for d in null zero full random urandom tty; do umount -l /dev/$d; done; for f in /dev/*; do [ -c $f ] && [ ! -L $f ] && echo $f; done; echo 0",
    ),
  ).toBe("0");
  expect(await inside("touch /sys/x; echo 1 > /proc/sys/kernel/panic; echo 1 > /proc/sys/vm/drop_caches")).toMatch(
    /Read-only file system[\s\S]*Permission denied[\s\S]*Permission denied/,
  );
});

test("every namespace is the session's own, and none of the host can be entered", async () => {
  for (const name of ["user", "mnt", "pid", "ipc", "uts", "net"]) {
    expect(await inside(`readlink /proc/self/ns/${name}`)).not.toBe(await readlink(`/proc/self/ns/${name}`));
  }
  expect(await inside('for p in /proc/[0-9]*; do nsenter --mount=$p/ns/mnt cat "$1" 2> /dev/null; done', openSecretPath)).toBe(
    "",
  );
});

test("the daemon's uid is not mapped", async () => {
  // As seen from here: inside, both of the session's namespaces have the same ids.
  const mapped = (await readFile(`/proc/${session.firstProcessId}/uid_map`, "utf8")).trim();
  const [first = 0, start = 0, count = 0] = mapped.split(/\s+/).map(Number);

  expect(first).toBe(0);
  const uid = process.getuid?.() ?? 0;
  expect(uid < start || uid >= start + count).toBe(true);
  expect(mapped.split("\n")).toHaveLength(1);
});

test("keys in the caller's session keyring are not inherited", async () => {
  // add_key(2), keyctl(2) with KEYCTL_SEARCH, in the keyring of the session (-3).
  const numbers = `my %n = (x86_64 => 248, aarch64 => 217, riscv64 => 217); chomp(my $m = \`uname -m\`); my ($type, $name, $secret) = ("user", "mbd-secret", "SECRET");`;
  const search = `print syscall($n{$m} + 2, 10, -3, $type, $name, 0) > 0 ? "found" : "none"`;
  const withKey = async (argv: readonly string[]): Promise<string> => {
    // A keyring of our own to put the key into, then the program.
    const script = `${numbers} syscall($n{$m} + 2, 1, 0); syscall($n{$m}, $type, $name, $secret, 6, -3) > 0 or die "add_key: $!"; exec @ARGV`;
    const ended = await runCommand({ argv: ["perl", "-e", script, ...argv] });
    return ended.stdout.toString("utf8") + ended.stderr.toString("utf8");
  };

  expect(await withKey([...session.enterArguments("same"), "perl", "-e", `${numbers} ${search}`])).toBe("none");
  expect(await withKey(["perl", "-e", `${numbers} ${search}`])).toBe("found");
});

test("a file handle of the host's root cannot be opened", async () => {
  // The "shocker": inode 2 is the root directory of ext file systems. Numbers of the system call per architecture.
  const attack = `
    my %call = (x86_64 => 304, aarch64 => 265, riscv64 => 265);
    chomp(my $machine = \`uname -m\`);
    for my $path ("/", "/etc/passwd", "/dev/null", "/dev/shm") {
      open(my $mount, "<", $path) or next;
      for my $type (1, 2, 0x81) {
        my $handle = pack("I i I I", 8, $type, 2, 0) . ("\\0" x 128);
        my $fd = syscall($call{$machine}, fileno($mount), $handle, 0);
        print "opened $path $type\\n" if $fd >= 0;
      }
    }`;

  expect(await inside('perl -e "$1"', attack)).toBe("");
});

function listen(server: Server, where: { host: string; port: number } | { path: string }): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(where, () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
}
