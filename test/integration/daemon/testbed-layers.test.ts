import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runCommand, systemClock } from "../../../src/runtime/index.ts";
import { loadIdMap } from "../../../src/testbed/id-map.ts";
import { LayerStore } from "../../../src/testbed/layer-store.ts";

const PROGRAM = resolve(import.meta.dirname, "../../../src/main.ts");

let home: string;
let store: LayerStore;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "mbd-testbed-layers-"));
  await mkdir(join(home, "etc"));
  store = await LayerStore.open(join(home, "testbeds"), await loadIdMap(), systemClock);
  await commit("base-x-amd64-0", "base", []);
  await commit("lists-0", "lists", ["base-x-amd64-0"]);
});

afterEach(async () => {
  await store.asTestbedRoot(["sh", "-c", "rm -rf -- [!m]* m[!o]*"]);
  await rm(home, { recursive: true, force: true });
});

async function commit(id: string, kind: "base" | "lists", on: readonly string[]): Promise<void> {
  await store.asTestbedRoot(["mkdir", `making-${id}`]);
  await store.commit(`making-${id}`, { id, kind, codename: "x", architecture: "amd64", description: `what ${id} is`, on });
}

async function testbed(...args: string[]): Promise<{ exitCode: number | undefined; stdout: string; stderr: string }> {
  const ended = await runCommand({ argv: [process.execPath, PROGRAM, "testbed", ...args, "--home", home], env: { HOME: home } });
  return { exitCode: ended.exitCode, stdout: ended.stdout.toString("utf8"), stderr: ended.stderr.toString("utf8") };
}

test("layers are listed, and a release's are removed with what stands on them", async () => {
  const before = await testbed("list");
  expect(before.stdout).toMatch(/^base-x-amd64-0 .* MB {2}used 20.*what base-x-amd64-0 is\nlists-0 .*\n$/);

  expect(await testbed("remove", "x")).toMatchObject({ exitCode: 0, stdout: "removed lists-0\nremoved base-x-amd64-0\n" });

  expect(await testbed("list")).toMatchObject({ exitCode: 0, stdout: "" });
  expect(await testbed("remove", "x")).toMatchObject({ exitCode: 4, stderr: expect.stringContaining("LAYER_NOT_FOUND") });
});

test.each([[["remake"]], [["remove"]], [["list", "x"]], [["remove", "x", "y"]], [["refresh", "--what"]]])(
  "wrong arguments are refused with how to call it: %j",
  async (args) => {
    expect(await testbed(...args)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/Usage: mini-buildd testbed list/),
    });
  },
);
