import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runCommand } from "../../../src/runtime/index.ts";

const MAIN = join(import.meta.dirname, "../../../src/main.ts");
let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "mbd-doctor-"));
});

afterEach(() => rm(home, { recursive: true }));

test("every finding that is not ok says how to fix it, and a problem is the exit status", async () => {
  const { findings, exitCode } = await doctor(join(home, "nowhere"));

  expect(findings).toContainEqual(expect.objectContaining({ subject: "home", status: "problem" }));
  expect(findings.filter(({ status, fix }) => status !== "ok" && (fix ?? "") === "")).toEqual([]);
  expect(exitCode).toBe(1);
});

test("a home that is ours is looked at and left as it was", async () => {
  const { findings } = await doctor(home);
  const { stdout } = await runCommand({ argv: ["find", home, "-mindepth", "1"] });

  expect(findings).toContainEqual(expect.objectContaining({ subject: "home", status: "ok" }));
  expect(findings.map(({ subject }) => subject)).toEqual(
    expect.arrayContaining(["disk", "overlay", "http port", "clock", "sbuild"]),
  );
  expect(stdout.toString()).toBe("");
});

test("a port that another program has is found", async () => {
  const other = createServer();
  await new Promise<void>((resolve) => {
    other.listen(8066, "::", resolve).once("error", () => resolve());
  });

  const { findings } = await doctor(home);
  other.close();

  expect(findings).toContainEqual(
    expect.objectContaining({
      subject: "http port",
      status: "problem",
      message: "another program listens on :: port 8066",
      fix: expect.stringContaining("[http] port"),
    }),
  );
});

test("a sysctl that forbids user namespaces is named with the value that allows them", async () => {
  const { findings } = await doctor(home, inNamespace("echo 0 > /proc/sys/user/max_user_namespaces"));

  expect(findings).toContainEqual(
    expect.objectContaining({
      subject: "user namespaces",
      status: "problem",
      fix: expect.stringContaining("sysctl -w user.max_user_namespaces=10000"),
    }),
  );
});

test("a machine that covers parts of /proc, as containers do, is found before the first build", async () => {
  const { findings } = await doctor(home, inNamespace("mount -t tmpfs none /proc/irq"));

  expect(findings).toContainEqual(expect.objectContaining({ subject: "user namespaces", status: "ok" }));
  expect(findings).toContainEqual(
    expect.objectContaining({ subject: "proc and sysfs", status: "problem", message: expect.stringContaining("mount: /proc:") }),
  );
});

test("a first process that does not reap what is left to it is found", async () => {
  const first = ["unshare", "--map-root-user", "--pid", "--fork", "--mount-proc", "perl", "-e"];
  const script = "my $child = fork // die; if (!$child) { exec @ARGV } waitpid $child, 0; exit($? >> 8)";

  const { findings } = await doctor(home, [...first, script, "--"]);
  const { findings: usual } = await doctor(home);

  expect(findings).toContainEqual(expect.objectContaining({ subject: "process 1", status: "warning" }));
  expect(usual).toContainEqual(expect.objectContaining({ subject: "process 1", status: "ok" }));
});

/** A machine like ours but for what root did to it first. */
function inNamespace(preparation: string): readonly [string, ...string[]] {
  return ["unshare", "--map-root-user", "--mount", "sh", "-ec", `${preparation}; exec "$@"`, "sh"];
}

async function doctor(
  path: string,
  prefix: readonly string[] = [],
): Promise<{ findings: { subject: string; status: string; fix?: string }[]; exitCode: number | undefined }> {
  const [program, ...args] = [...prefix, process.execPath, MAIN, "doctor", "--json", "--home", path];
  const argv = [program ?? "", ...args] as const;
  const ended = await runCommand({ argv, timeoutMs: 60_000 });
  return {
    findings: JSON.parse(ended.stdout.toString()) as { subject: string; status: string; fix?: string }[],
    exitCode: ended.exitCode,
  };
}
