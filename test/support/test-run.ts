import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { stopPostgres } from "./postgres.ts";

/**
 * Once per run of the integration tests: a directory for what test files share (database templates, a PostgreSQL cluster
 * that the first test in need of it starts). Gone at the end.
 */
export interface TestRun {
  readonly directory: string;
  /** Of the process that runs the tests: when it is gone, so must be what was started for it. */
  readonly pid: number;
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
  project.provide("testRun", { directory, pid: process.pid });
}

export async function teardown(): Promise<void> {
  if (directory === undefined) return;
  await stopPostgres(directory);
  await rm(directory, { recursive: true, force: true });
}
