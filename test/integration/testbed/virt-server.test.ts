import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readFile, readlink, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommand } from "../../../src/runtime/index.ts";
import { openRealTestbeds, type RealTestbeds } from "../../support/testbeds.ts";

let real: RealTestbeds;

beforeAll(async () => {
  real = await openRealTestbeds();
});

afterAll(async () => {
  await real?.dispose();
});

/** A conversation with the server, as sbuild has it. */
class Server {
  readonly child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #answers: AsyncIterator<string>;

  constructor() {
    const { program, args } = real.testbeds.virtServerCommand({ layers: [real.base.id] });
    this.child = spawn(program, args, { stdio: ["pipe", "pipe", "ignore"] });
    this.#answers = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  async answer(): Promise<string> {
    const { value } = await this.#answers.next();
    return String(value);
  }

  ask(command: string): Promise<string> {
    this.child.stdin.write(`${command}\n`);
    return this.answer();
  }

  async execute(...argv: string[]): Promise<string> {
    const words = (await this.ask("print-execute-command")).slice("ok ".length).split(",").map(decodeURIComponent);
    const ended = await runCommand({
      argv: [...words, ...argv] as [string, ...string[]],
      env: { PATH: process.env["PATH"] ?? "" },
    });
    return `${ended.exitCode}:${ended.stdout.toString("utf8")}`;
  }

  async exit(): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, "exit");
    return this.child.exitCode;
  }
}

test("a testbed is opened, used, reverted and closed", async () => {
  const server = new Server();

  expect(await server.answer()).toBe("ok");
  expect(await server.ask("capabilities")).toMatch(
    /^ok (?=.*\brevert\b)(?=.*\broot-on-testbed\b)(?=.*suggested-normal-user=sbuild)/,
  );
  const opened = await server.ask("open");
  const scratch = opened.slice("ok ".length);
  expect(await server.execute("id", "-un")).toBe("0:root\n");
  expect(await server.execute("id", "-un", "sbuild")).toBe("0:sbuild\n");
  expect(await server.execute("sh", "-c", `echo "$1" > ${scratch}/a; exit 9`, "sh", "blank, comma and %")).toBe("9:");
  expect(await server.execute("cat", `${scratch}/a`)).toBe("0:blank, comma and %\n");
  expect(await server.ask("revert")).toBe(opened);
  expect(await server.execute("ls", scratch)).toBe("0:");
  expect(await server.ask("close")).toBe("ok");
  expect(await server.ask("open")).toBe(opened);
  expect(await server.ask("quit")).toBe("ok");
  expect(await server.exit()).toBe(0);
});

test("files and directories are copied down and up", async () => {
  const tree = join(real.scratch, "tree");
  await mkdir(join(tree, "with blank"), { recursive: true });
  await writeFile(join(tree, "with blank/f"), "1");
  await symlink("with blank/f", join(tree, "link"));
  const server = new Server();
  await server.answer();
  const scratch = (await server.ask("open")).slice("ok ".length);

  expect(await server.ask(`copydown ${encodeURIComponent(`${tree}/`)} ${scratch}/down%20here/`)).toBe("ok");
  expect(await server.execute("cat", `${scratch}/down here/link`)).toBe("0:1");
  expect(await server.ask(`copyup ${scratch}/down%20here/ ${real.scratch}/up/`)).toBe("ok");
  expect(await server.ask(`copyup ${scratch}/down%20here/link ${real.scratch}/single`)).toBe("ok");
  expect(await server.ask(`copyup ${scratch}/missing ${real.scratch}/missing`)).toBe("copy-failed");
  expect(await readFile(join(real.scratch, "up/with blank/f"), "utf8")).toBe("1");
  expect(await readlink(join(real.scratch, "up/link"))).toBe("with blank/f");
  expect(await readFile(join(real.scratch, "single"), "utf8")).toBe("1");

  expect(await server.ask("copyup mixed/ paths")).toBe("undefined");
  expect(await server.exit()).toBe(16);
});

test("end of input and signals close the session", async () => {
  for (const end of ["input", "SIGTERM", "SIGKILL"] as const) {
    const server = new Server();
    await server.answer();
    await server.ask("open");
    const firstProcess = /--target%3D([0-9]+)/.exec(await server.ask("print-execute-command"))?.[1] ?? "";
    expect(existsSync(`/proc/${firstProcess}`)).toBe(true);

    if (end === "input") server.child.stdin.end();
    else server.child.kill(end);
    await server.exit();

    // Whoever kills the server itself cannot be told when the session has ended.
    if (end === "SIGKILL") await expect.poll(() => existsSync(`/proc/${firstProcess}`), { timeout: 20_000 }).toBe(false);
    expect(existsSync(`/proc/${firstProcess}`)).toBe(false);
  }
});

test("autopkgtest runs a package's tests in it", async () => {
  const tree = join(real.scratch, "package");
  await mkdir(join(tree, "debian/tests"), { recursive: true });
  await writeFile(
    join(tree, "debian/changelog"),
    "mbd-test (1) unstable; urgency=low\n\n  * X.\n\n -- N <n@example.org>  Sun, 22 Nov 2026 12:00:00 +0000\n",
  );
  await writeFile(
    join(tree, "debian/control"),
    "Source: mbd-test\nMaintainer: N <n@example.org>\nStandards-Version: 4.6.2\n\nPackage: mbd-test\nArchitecture: all\nDescription: x\n",
  );
  await writeFile(
    join(tree, "debian/tests/control"),
    "Test-Command: id -un; echo made > $AUTOPKGTEST_ARTIFACTS/made\nDepends:\nRestrictions: allow-stderr\n\nTest-Command: id -un >&2\nDepends:\nRestrictions: needs-root\n",
  );
  const { program, args } = real.testbeds.virtServerCommand({ layers: [real.base.id] });

  const ended = await runCommand({
    argv: ["autopkgtest", "--no-built-binaries", `--output-dir=${real.scratch}/results`, `${tree}/`, "--", program, ...args],
    env: { PATH: `${process.env["PATH"] ?? ""}:/usr/bin:/bin`, HOME: real.scratch },
    // A file, as autopkgtest opens /dev/stderr, which cannot be done with a socket.
    logPath: join(real.scratch, "autopkgtest.log"),
    timeoutMs: 100_000,
  });

  expect(ended.reason).toBe("exited");
  const output = await readFile(join(real.scratch, "autopkgtest.log"), "utf8");
  expect(output).toMatch(/command1 +PASS/);
  expect(output).toMatch(/command2 +FAIL stderr: root/);
  expect(await readFile(join(real.scratch, "results/command1-stdout"), "utf8")).toBe("sbuild\n");
  expect(await readFile(join(real.scratch, "results/artifacts/made"), "utf8")).toBe("made\n");
});
