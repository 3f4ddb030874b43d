import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommand } from "../../../src/runtime/index.ts";
import { openRealTestbeds, type RealTestbeds } from "../../support/testbeds.ts";

const KEPT_FOR = { environment: {}, command: "make" };

let real: RealTestbeds;

beforeAll(async () => {
  real = await openRealTestbeds();
});

afterAll(async () => {
  await real?.dispose();
});

async function startHeld(owner: string) {
  return real.testbeds.startSession({ layers: [real.base.id], owner, isHeld: true });
}

async function isThere(name: string): Promise<boolean> {
  return (await readdir(join(real.directory, "store"))).includes(name);
}

test("what a held session wrote is there when it was killed, and nothing of it runs", async () => {
  const held = real.testbeds.holdSessions("mbd-held-1");
  const session = await startHeld("mbd-held-1");
  await session.runChecked({
    argv: ["sh", "-c", "echo written > /root/file; rm /etc/hostname; setsid sleep 34567 > /dev/null 2>&1 &"],
  });
  session.kill();

  let seen = "";
  const layer = await held.keep({ owner: "mbd-held-1", ...KEPT_FOR }, async ({ id, on }) => {
    await using look = await real.testbeds.startSession({ layers: [id, ...on] });
    const ended = await look.run({ argv: ["sh", "-c", "cat /root/file; ls /etc/hostname; echo mine > /root/file"] });
    seen = ended.stdout.toString("utf8") + ended.stderr.toString("utf8");
  });

  expect(seen).toMatch(/^written\nls: cannot access '\/etc\/hostname'/);
  expect((await runCommand({ argv: ["pgrep", "--full", "^sleep 34567"] })).exitCode).toBe(1);
  expect(await isThere(session.id)).toBe(false);
  await using again = await real.testbeds.startSession({ layers: [layer?.id ?? "", real.base.id] });
  expect((await again.run({ argv: ["cat", "/root/file"] })).stdout.toString("utf8")).toBe("written\n");
  await again.close();
  await real.testbeds.removeLayer(layer?.id ?? "");
});

test("of several sessions the last one is kept; what comes too late is removed, as is all when nobody wants it", async () => {
  const held = real.testbeds.holdSessions("mbd-held-2");
  const [first, second] = [await startHeld("mbd-held-2"), await startHeld("mbd-held-2")];
  await first.close();
  expect(await isThere(first.id)).toBe(true);

  await held.discard();
  const late = await startHeld("mbd-held-2");
  await late.close();
  // Settled already: nothing is left to be kept.
  const kept = await held.keep({ owner: "mbd-held-2", ...KEPT_FOR }, async () => {});

  expect(kept).toBeUndefined();
  for (const { id } of [first, second, late]) expect(await isThere(id)).toBe(false);
});

test("while it is looked at nobody removes it, and a sweep leaves alone what a living process holds", async () => {
  const held = real.testbeds.holdSessions("mbd-held-3");
  const session = await startHeld("mbd-held-3");
  await session.close();
  await real.testbeds.sweep();
  expect(await isThere(session.id)).toBe(true);

  const layer = await held.keep({ owner: "mbd-held-3", ...KEPT_FOR }, async ({ id }) => {
    await expect(real.testbeds.removeLayer(id)).rejects.toMatchObject({ code: "LAYER_IN_USE" });
  });

  await real.testbeds.removeLayer(layer?.id ?? "");
  expect(await isThere(layer?.id ?? "")).toBe(false);
});
