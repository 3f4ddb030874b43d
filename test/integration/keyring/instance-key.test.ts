import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { dearmorPublicKeys, InstanceKey, verifyClearsigned } from "../../../src/keyring/index.ts";
import { runChecked } from "../../../src/runtime/index.ts";

let scratchPath: string;

beforeEach(async () => {
  scratchPath = await mkdtemp(join(tmpdir(), "mbd-key-test-"));
});

afterEach(async () => {
  await rm(scratchPath, { recursive: true, force: true });
});

test("the first start makes an ed25519 key, the second finds it", async () => {
  const first = await InstanceKey.open(join(scratchPath, "keys"), "example");
  await first.close();
  const second = await InstanceKey.open(join(scratchPath, "keys"), "example");
  await second.close();

  expect(second.fingerprint).toBe(first.fingerprint);
  expect(second.armoredPublicKey()).toBe(first.armoredPublicKey());
  const packets = await runChecked({
    argv: ["gpg", "--list-packets"],
    env: { GNUPGHOME: scratchPath },
    input: first.armoredPublicKey(),
  });
  expect(packets.stdout.toString()).toMatch(/algo 22[\s\S]*mini-buildd archive key of example[\s\S]*digest algo 10/);
});

test("a clearsigned text and a detached signature verify with gpgv, in SHA-512", async () => {
  const key = await InstanceKey.open(join(scratchPath, "keys"), "example");
  try {
    const keyringPath = join(scratchPath, "public.asc");
    await writeFile(keyringPath, key.armoredPublicKey());
    const text = "Origin: x\nSuite: y\n";

    const { inRelease, releaseGpg } = await key.signRelease(Buffer.from(text));

    expect(await verifyClearsigned(inRelease, [keyringPath])).toMatchObject({ text, fingerprint: key.fingerprint });
    await writeFile(join(scratchPath, "Release"), text);
    await writeFile(join(scratchPath, "Release.gpg"), releaseGpg);
    await writeFile(join(scratchPath, "public.gpg"), dearmorPublicKeys(key.armoredPublicKey()));
    await runChecked({
      argv: [
        "gpgv",
        "--keyring",
        join(scratchPath, "public.gpg"),
        join(scratchPath, "Release.gpg"),
        join(scratchPath, "Release"),
      ],
    });
    expect(inRelease.toString()).toContain("Hash: SHA512");
  } finally {
    await key.close();
  }
});

test("nobody else can read the secret key", async () => {
  const key = await InstanceKey.open(join(scratchPath, "keys"), "example");
  await key.close();

  expect((await stat(join(scratchPath, "keys"))).mode & 0o777).toBe(0o700);
  expect((await stat(join(scratchPath, "keys/gnupg"))).mode & 0o777).toBe(0o700);
  const secretsPath = join(scratchPath, "keys/gnupg/private-keys-v1.d");
  const names = await readdir(secretsPath);
  expect(names).toHaveLength(1);
  for (const name of names) expect((await stat(join(secretsPath, name))).mode & 0o777).toBe(0o600);
});

// The key is made in "gnupg.new-" and eight digits, so these are the lengths around the longest that GnuPG takes.
test.each([85, 86, 87, 88, 150])("a GnuPG home whose path has %i bytes works", async (length) => {
  const rest = length - `${scratchPath}//keys/gnupg.new-00000000`.length;
  const deepPath = join(scratchPath, "d".repeat(rest), "keys");
  await mkdir(deepPath, { recursive: true });

  const key = await InstanceKey.open(deepPath, "example");
  const signed = await key.clearsign("x\n");
  await key.close();

  expect(signed.toString()).toContain("BEGIN PGP SIGNATURE");
});

test("what a crash while the key was made left behind is cleared away", async () => {
  await mkdir(join(scratchPath, "keys/gnupg.new-dead/private-keys-v1.d"), { recursive: true });

  const key = await InstanceKey.open(join(scratchPath, "keys"), "example");
  await key.close();

  expect(await readdir(join(scratchPath, "keys"))).toEqual(["gnupg"]);
});

test("an agent that was killed is started again", async () => {
  const key = await InstanceKey.open(join(scratchPath, "keys"), "example");
  try {
    await runChecked({ argv: ["gpgconf", `--homedir=${join(scratchPath, "keys/gnupg")}`, "--kill", "gpg-agent"] });

    const signed = await Promise.all(Array.from({ length: 5 }, () => key.clearsign("x\n")));
    for (const text of signed) expect(text.toString()).toContain("BEGIN PGP SIGNATURE");
  } finally {
    await key.close();
  }
});

test("no agent is left after close", async () => {
  const keysPath = join(scratchPath, "keys");
  const key = await InstanceKey.open(keysPath, "example");
  await key.clearsign("x\n");
  await key.close();

  await vi.waitFor(async () => expect(await processesNaming(keysPath)).toEqual([]), { timeout: 10_000 });
});

test("no agent is left after SIGKILL", async () => {
  const keysPath = join(scratchPath, "keys");
  const child = startSigner(keysPath);
  await once(child.stdout, "data");
  expect((await processesNaming(keysPath)).length).toBeGreaterThan(0);

  child.kill("SIGKILL");

  await vi.waitFor(async () => expect(await processesNaming(keysPath)).toEqual([]), { timeout: 20_000, interval: 200 });
});

test("a start right after SIGKILL signs at once, and still when the killed one's agent has ended", async () => {
  const keysPath = join(scratchPath, "keys");
  const child = startSigner(keysPath);
  await once(child.stdout, "data");
  const [killedAgent] = await processesNaming(keysPath);
  child.kill("SIGKILL");

  const key = await InstanceKey.open(keysPath, "example");
  try {
    expect((await key.clearsign("x\n")).toString()).toContain("BEGIN PGP SIGNATURE");
    await vi.waitFor(() => expect(existsSync(`/proc/${killedAgent?.pid}`)).toBe(false), { timeout: 20_000, interval: 100 });
    expect((await key.clearsign("x\n")).toString()).toContain("BEGIN PGP SIGNATURE");
  } finally {
    await key.close();
  }
});

/** A program that signs once, says so, and goes on living. */
function startSigner(keysPath: string) {
  const program = `
    import { InstanceKey } from ${JSON.stringify(join(import.meta.dirname, "../../../src/keyring/index.ts"))};
    const key = await InstanceKey.open(${JSON.stringify(keysPath)}, "example");
    await key.clearsign("x\\n");
    console.log("signed");
    setInterval(() => {}, 1000);`;
  return spawn(process.execPath, ["--input-type=module", "--eval", program], { stdio: ["ignore", "pipe", "inherit"] });
}

/** Living agents whose command line names a path. */
async function processesNaming(path: string): Promise<{ pid: number; commandLine: string }[]> {
  const found: { pid: number; commandLine: string }[] = [];
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const commandLine = await readFile(`/proc/${name}/cmdline`, "utf8").catch(() => "");
    if (commandLine.startsWith("gpg-agent") && commandLine.includes(path)) found.push({ pid: Number(name), commandLine });
  }
  return found;
}
