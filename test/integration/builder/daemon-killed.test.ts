import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { newBuild } from "../../support/farm.ts";
import { makeSource } from "../../support/packages.ts";

test("sbuild dies with a daemon that is killed", async () => {
  const directory = await mkdtemp(join(tmpdir(), "mbd-killed-"));
  const source = await makeSource(join(directory, "source"), { name: "foo-hangs", version: "1.0", architecture: "any" });
  const files = [source.dsc, ...source.files].map(({ name, sizeBytes, sha256 }) => ({ name, sizeBytes, sha256 }));
  const { order } = newBuild({ source: source.name, dscName: source.dsc.name, files });
  const program = join(import.meta.dirname, "../../fakes/daemon-with-build.ts");
  const argv = [program, join(directory, "source"), join(directory, "output"), JSON.stringify(order)];
  const daemon = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "inherit"] });

  const sbuildPid = await new Promise<number>((resolve) => {
    let log = "";
    daemon.stdout.on("data", (chunk: Buffer) => {
      log += chunk.toString();
      const pid = /waiting to be killed \(pid (\d+)\)/.exec(log)?.[1];
      if (pid !== undefined) resolve(Number(pid));
    });
  });
  expect(isAlive(sbuildPid)).toBe(true);
  daemon.kill("SIGKILL");

  await vi.waitFor(() => expect(isAlive(sbuildPid)).toBe(false), { timeout: 5_000 });
  await rm(directory, { recursive: true, force: true });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
