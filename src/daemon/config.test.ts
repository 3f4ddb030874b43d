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

test("HTTP endpoints in the original's notation: the first without encryption is the one for builds on this machine", async () => {
  const { http } = await load('[http]\nendpoints = ["ssl:port=8443", "tcp:port=8070:interface=127.0.0.1"]\nredirect = true\n');

  expect(http).toMatchObject({ port: 8070, address: "127.0.0.1", redirect: true });
  expect(http.endpoints.map(({ port, isEncrypted }) => [port, isEncrypted])).toEqual([
    [8443, true],
    [8070, false],
  ]);
});

test.each([
  ['endpoints = ["ssl:port=8443"]', "needs one without encryption"],
  ['endpoints = ["tcp6:port=x"]', "has no port"],
  ["redirect = true", "needs an ssl: endpoint"],
])("[http] %s is refused", async (line, why) => {
  await expect(load(`[http]\n${line}\n`)).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringContaining(why) as string,
  });
});

test("certificate and key belong together", async () => {
  await expect(load('[tls]\ncertificate = "/etc/ssl/x.pem"\n')).rejects.toMatchObject({ code: "CONFIG_INVALID" });
});
