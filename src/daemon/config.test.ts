import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { defaultLimits, fixedLimits } from "../runtime/index.ts";
import { type Config, loadConfig } from "./config.ts";

let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "mbd-config-"));
  await mkdir(join(home, "etc"));
});

afterEach(() => rm(home, { recursive: true }));

test("FTP behind a firewall: the ports and the address for passive transfers", async () => {
  const { ftp } = await load('[ftp]\npassivePorts = "50000-50099"\npassiveAddress = "192.0.2.1"\n');

  expect(ftp).toEqual({
    enabled: true,
    port: 8067,
    encryption: "offered",
    address: "::",
    passivePorts: { first: 50_000, last: 50_099 },
    passiveAddress: "192.0.2.1",
  });
});

test.each(["50099-50000", "80-90", "50000", "50000-70000", ""])("%j is no range of passive ports", async (range) => {
  await expect(load(`[ftp]\npassivePorts = "${range}"\n`)).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringContaining("ftp.passivePorts: ") as string,
  });
});

test("an address for passive transfers is one of IPv4, as PASV can say no other", async () => {
  await expect(load('[ftp]\npassiveAddress = "2001:db8::1"\n')).rejects.toMatchObject({ code: "CONFIG_INVALID" });
});

async function load(toml: string): Promise<Config> {
  await writeFile(join(home, "etc", "mini-buildd.toml"), toml);
  return loadConfig(home);
}

test("every limit that can be set takes its own default, shares included", async () => {
  const settable = Object.entries(defaultLimits).filter(([name]) => !(fixedLimits as readonly string[]).includes(name));
  await writeConfig(`[limits]\n${settable.map(([name, value]) => `${name} = ${value}`).join("\n")}\n`);

  const { limits } = await loadConfig(home);

  expect(limits).toMatchObject(Object.fromEntries(settable));
});

test("a limit that is fixed cannot be set", async () => {
  for (const name of fixedLimits) {
    await writeConfig(`[limits]\n${name} = 1\n`);

    await expect(loadConfig(home)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  }
});

async function writeConfig(text: string): Promise<void> {
  await writeFile(join(home, "etc", "mini-buildd.toml"), text);
}
