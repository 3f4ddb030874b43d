import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { totalmem } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { BuildOrder } from "../../../src/buildorder/index.ts";
import { runChecked, runCommand } from "../../../src/runtime/index.ts";
import { openRealBuilder, type RealBuild, type RealBuilder } from "./real-build.ts";

/**
 * Source packages that attack: each ends in the right class, while a neighbour is built beside it and does not notice.
 * This process is the daemon here.
 */

const MEBIBYTE = 1024 ** 2;
const LIMITS = { timeoutMs: 600_000, silenceTimeoutMs: 300_000, logSizeBytesMax: 20 * MEBIBYTE };

let builder: RealBuilder;
let hostDirectory: string;
/** Of the host: one that everybody may read, one that only our user may. */
let openSecret: string;
let closedSecret: string;
let server: Server;
let connections = 0;
let port: number;

beforeAll(async () => {
  builder = await openRealBuilder({
    // Some MiB for each process: a control group counts what the kernel needs for them, too.
    buildProcessesMax: 200,
    buildMemoryShareMax: (800 * MEBIBYTE) / totalmem(),
    buildDiskBytesMax: 400 * MEBIBYTE,
    diskReserveBytes: 0,
  });
  if (builder.testbeds.limitedBy === "watch")
    process.stderr.write("not tested here: limits by control groups, as none is delegated to this process\n");
  hostDirectory = await mkdtemp("/var/tmp/mbd-hostile-");
  await chmod(hostDirectory, 0o755);
  openSecret = join(hostDirectory, "open");
  closedSecret = join(hostDirectory, "closed");
  await writeFile(openSecret, "TOP-SECRET", { mode: 0o644 });
  await writeFile(closedSecret, "TOP-SECRET", { mode: 0o600 });
  server = createServer((socket) => {
    connections += 1;
    socket.end("TOP-SECRET");
  });
  port = await new Promise<number>((listening) => {
    server.listen(0, () => listening((server.address() as { port: number }).port));
  });
}, 600_000);

afterAll(async () => {
  server.close();
  await rm(hostDirectory, { recursive: true, force: true });
  await builder.dispose();
});

/** A debian/rules whose binary target runs these lines. */
function rules(...lines: readonly string[]): string {
  const targets = "clean:\nbuild build-arch build-indep:\nbinary-arch binary-indep: binary\nbinary:\n";
  return `#!/usr/bin/make -f\n${targets}${lines.map((line) => `\t${line}\n`).join("")}`;
}

/** What makes a package, for those that want to be built. */
const MAKE_PACKAGE = [
  "mkdir -p debian/tmp/DEBIAN debian/tmp/usr/share/doc/$(NAME)",
  "dpkg-gencontrol -p$(NAME) -Pdebian/tmp",
  "dpkg-deb --root-owner-group -Znone --build debian/tmp ..",
];

let count = 0;

/** The attack and a harmless build, side by side; the harmless one must be built, by this process, as if nothing was. */
async function attack(name: string, lines: readonly string[], limits: Partial<BuildOrder["limits"]> = {}): Promise<RealBuild> {
  count += 1;
  const made = lines.map((line) => line.replaceAll("$(NAME)", name));
  const [hostile, neighbour] = await Promise.all([
    builder.buildGenerated(
      { name, version: "1.0", architecture: "any", rules: rules(...made) },
      { order: { limits: { ...LIMITS, ...limits } } },
    ),
    builder.buildGenerated({ name: `neighbour-${count}`, version: "1.0", architecture: "any" }),
  ]);
  if (neighbour.result.status !== "built")
    throw new Error(`the neighbour: ${neighbour.result.reason}\n${neighbour.log.slice(-3_000)}`);
  expect(hostile.log).not.toContain("TOP-SECRET");
  return hostile;
}

test("a fork bomb ends by the limit of processes", async () => {
  const { result } = await attack("forks", ["perl -e 'while (1) { fork; }'"]);

  expect(result).toMatchObject({ status: "package-failed", failure: { class: "processes" } });
  expect(result.reason).toContain("more than 200 processes and threads at once (limit buildProcessesMax)");
});

test("what eats memory ends by the limit of memory", async () => {
  const { result } = await attack("eats", [`perl -e 'my @all; push @all, "x" x 5e6 while 1'`]);

  expect(result).toMatchObject({ status: "package-failed", failure: { class: "memory" } });
  expect(result.reason).toContain("of memory (limit buildMemoryShareMax)");
});

test("what fills the disk ends by its own limit", async () => {
  const { result } = await attack("fills", ["yes > filler"]);

  expect(result).toMatchObject({ status: "package-failed", failure: { class: "disk" } });
  expect(result.reason).toContain("wrote more than 400 MiB to the disk (limit buildDiskBytesMax)");
});

test("a log of 2 GB ends by the limit of the log", async () => {
  const { result, log } = await attack("talks", ["yes 'a line of a very long log' | head -c 2000000000"]);

  expect(result).toMatchObject({ status: "package-failed", failure: { class: "log-size" } });
  expect(log.length).toBeLessThan(21 * MEBIBYTE);
});

test("attempts at the network get nowhere, and are named", async () => {
  const before = connections;
  const connect = (to: string): string =>
    `perl -MIO::Socket::INET -e 'my $$s = IO::Socket::INET->new("${to}") or die "${to}: $$@\\n"; print <$$s>'`;

  const { result, log } = await attack("phones", [
    `-${connect(`127.0.0.1:${port}`)}`,
    `-${connect(`192.0.2.1:${port}`)}`,
    `perl -MSocket=getaddrinfo -e 'my ($$error) = getaddrinfo("deb.example.org", "http"); die "$$error\\n" if $$error'`,
  ]);

  expect(connections).toBe(before);
  expect(log).toMatch(/Network is unreachable|Connection refused/);
  expect(result).toMatchObject({ status: "package-failed", failure: { class: "network" } });
});

test("files of the host are not there", async () => {
  const { result, log } = await attack("reads", [
    ...[openSecret, closedSecret].map(
      (path) => `-cat ${path} /proc/1/root${path} /proc/1/cwd${path} ../../../../../../../..${path}`,
    ),
    `-for p in /proc/[0-9]*; do cat $$p/root${openSecret} $$p/cwd${openSecret} 2>/dev/null; done`,
    "-cat /etc/shadow | grep -v '!' | head -n 1",
    `cat ${openSecret}`,
  ]);

  expect(log).toContain(`cat: ${openSecret}: No such file or directory`);
  expect(result).toMatchObject({ status: "package-failed", failedStep: "build" });
});

test("signals reach no process of the host", async () => {
  const { result } = await attack("kills", [`-kill -9 ${process.pid} ${process.ppid}`, "kill -9 -1"]);

  // It killed itself, which is its own fault.
  expect(result).toMatchObject({ status: "package-failed", failedStep: "build" });
});

test("what it leaves running ends with it", async () => {
  const marker = "sleep 65431";

  const { result } = await attack("leaves", [
    `setsid -f ${marker} < /dev/null > /dev/null 2>&1`,
    `perl -e 'exit if fork; exit if fork; exec qw(${marker})' < /dev/null > /dev/null 2>&1`,
    ...MAKE_PACKAGE,
  ]);

  expect(result).toMatchObject({ status: "built" });
  expect(await processesMatching(marker)).toBe("");
});

test("what ignores SIGTERM is killed when it is silent for too long", async () => {
  const marker = "sleep 54321";

  const { result } = await attack("ignores", [`trap '' TERM INT HUP; while :; do ${marker}; done`], { silenceTimeoutMs: 5_000 });

  expect(result).toMatchObject({ status: "package-failed", failure: { class: "timeout" } });
  expect(await processesMatching(marker)).toBe("");
});

test("bytes that are no UTF-8 go into the log as they are, and into no name that breaks anything", async () => {
  const { result, log } = await attack("babbles", [
    String.raw`printf 'before \377\376\200 \033]0;title\007 after\n'`,
    String.raw`touch "$$(printf 'name-\377-\200')" "../$$(printf 'other-\377')"`,
    ...MAKE_PACKAGE,
  ]);

  expect(result).toMatchObject({ status: "built" });
  expect(log).toMatch(/before [^\n]* after\n/);
});

test.each([
  ["the package", "_$(ARCH).deb"],
  ["the .changes", "_$(ARCH).changes"],
  ["the .buildinfo", "_$(ARCH).buildinfo"],
])("a link in the place of %s leads nowhere", async (_what, suffix) => {
  const { architecture } = builder.release;
  const name = `links-${count}`;
  const target = `../${name}_1.0${suffix.replace("$(ARCH)", architecture)}`;
  // Again and again, as the real file is written after debian/rules has ended.
  const swap = `setsid -f sh -c 'while :; do ln -sfn ${openSecret} ${target}; done' < /dev/null > /dev/null 2>&1`;

  const { result, outputDirectory } = await attack(name, [...MAKE_PACKAGE, `ln -sfn ${closedSecret} ../link`, swap]);

  expect(["package-failed", "environment-failed"]).toContain(result.status);
  expect(JSON.stringify(result)).not.toContain("TOP-SECRET");
  await expectNoSecrets(outputDirectory);
});

test("links in the tree that a failed build leaves for download are packed as links, or not at all", async () => {
  const links = [`config.log`, `obj/test-suite.log`, `../away.deb`, `tree`].map((path) => `ln -sfn ${openSecret} ${path}`);
  const moved = "mv ../../reproducible-path ../../moved && ln -s / ../../reproducible-path || echo cannot be moved";

  const { result, outputDirectory } = await attack("leaves", ["mkdir obj", ...links, "mkfifo obj/config.log", moved, "false"]);

  expect(result).toMatchObject({ status: "package-failed" });
  await expectNoSecrets(outputDirectory);
});

/** Of what can be downloaded: regular files, and nothing of the host in them. */
async function expectNoSecrets(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    expect([entry.name, entry.isFile()]).toEqual([entry.name, true]);
    expect((await readFile(path)).includes("TOP-SECRET")).toBe(false);
    if (!entry.name.endsWith(".tar.zst")) continue;
    const content = await runChecked({ argv: ["tar", "--extract", "--to-stdout", "--zstd", "--file", path] });
    expect(content.stdout.includes("TOP-SECRET")).toBe(false);
  }
}

/** pgrep's own command line is not a match of its own. */
async function processesMatching(text: string): Promise<string> {
  const ended = await runCommand({ argv: ["pgrep", "--full", "--list-full", text] });
  return ended.stdout.toString("utf8");
}
