import { spawn } from "node:child_process";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { stopCommand, stopPostgres } from "./postgres.ts";

/**
 * Once per run of the integration tests: a directory for what test files share (database templates, a PostgreSQL cluster
 * that the first test in need of it starts). Gone at the end.
 */
export interface TestRun {
  readonly directory: string;
}

declare module "vitest" {
  interface ProvidedContext {
    testRun: TestRun;
  }
}

let directory: string | undefined;

export async function setup(project: TestProject): Promise<void> {
  directory = await mkdtemp(join(tmpdir(), "mini-buildd-test-"));
  // PostgreSQL, as another user when we are root, must get through to its part.
  await chmod(directory, 0o711);
  cleanUpAfter(process.pid, directory);
  project.provide("testRun", { directory });
}

export async function teardown(): Promise<void> {
  if (directory === undefined) return;
  await stopPostgres(directory);
  await rm(directory, { recursive: true, force: true });
}

/** When the test run is killed it cannot clean up: someone else must see to it that nothing stays. */
function cleanUpAfter(pid: number, path: string): void {
  const script = `tail --pid="$1" -f /dev/null; path="$2"; shift 2; test -e "$path" || exit; "$@" >/dev/null 2>&1; rm -rf "$path"`;
  const argv = ["-c", script, "sh", String(pid), path, ...stopCommand(path)];
  spawn("/bin/sh", argv, { detached: true, stdio: "ignore", cwd: "/" }).unref();
}
