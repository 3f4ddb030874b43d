import { X509Certificate } from "node:crypto";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { TlsCertificate } from "../../../src/keyring/index.ts";
import { ManualClock, runChecked, runCommand, silentLogger, systemClock } from "../../../src/runtime/index.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "mbd-tls-"));
});
afterEach(() => rm(directory, { recursive: true }));

/** openssl begins it at its own time, maybe a second after a test begins: by our clock, that is past. */
function selfMade(hostname = "buildd.example.org", clock = new ManualClock(new Date(systemClock.now().getTime() + 60_000))) {
  const path = join(directory, "keys", "tls.pem");
  const open = (): Promise<TlsCertificate> =>
    TlsCertificate.open({ source: { type: "self-made", path, hostname }, clock, logger: silentLogger });
  return { path, clock, open };
}

test("a certificate is made for the host name and the machine itself, readable for its owner only, and good for openssl", async () => {
  const { path, open } = selfMade();

  const made = await open();

  expect((await stat(path)).mode & 0o777).toBe(0o600);
  const parsed = new X509Certificate(made.certificate);
  for (const name of ["buildd.example.org", "localhost"]) expect(parsed.checkHost(name)).toBe(name);
  expect(parsed.checkIP("127.0.0.1")).toBe("127.0.0.1");
  expect(made.certificate).not.toContain("PRIVATE KEY");
  const certificatePath = join(directory, "certificate.pem");
  await writeFile(certificatePath, made.certificate);
  const verified = await runChecked({
    argv: [
      "openssl",
      "verify",
      "-CAfile",
      certificatePath,
      "-purpose",
      "sslserver",
      "-verify_hostname",
      "localhost",
      certificatePath,
    ],
  });
  expect(verified.stdout.toString()).toMatch(/: OK$/m);
});

test("it stays over restarts, and another host name makes another one", async () => {
  const first = await selfMade().open();

  expect((await selfMade().open()).fingerprint).toBe(first.fingerprint);
  expect((await selfMade("other.example.org").open()).fingerprint).not.toBe(first.fingerprint);
});

test("it is renewed in good time, with the same key", async () => {
  const { clock, open } = selfMade();
  const certificate = await open();
  const before = new X509Certificate(certificate.certificate);
  expect(await certificate.refresh()).toBe(false);

  clock.advance(310 * DAY_MS);

  expect(await certificate.refresh()).toBe(true);
  const after = new X509Certificate(certificate.certificate);
  expect(after.fingerprint256).not.toBe(before.fingerprint256);
  expect(after.publicKey.export({ type: "spki", format: "pem" })).toBe(before.publicKey.export({ type: "spki", format: "pem" }));
});

test("a file that is half there is replaced", async () => {
  const { path, open } = selfMade();
  await open();
  await writeFile(path, (await readFile(path)).subarray(0, 300));

  expect((await open()).endsAt.getTime()).toBeGreaterThan(systemClock.now().getTime());
});

test("a given certificate is read again when it changes; what cannot be read leaves the one in use", async () => {
  const files = { certificatePath: join(directory, "c.pem"), keyPath: join(directory, "k.pem") };
  await makeGiven(files, "one");
  const certificate = await TlsCertificate.open({
    source: { type: "given", ...files },
    clock: systemClock,
    logger: silentLogger,
  });
  const first = certificate.fingerprint;

  await writeFile(files.certificatePath, "half a certif");
  expect(await certificate.refresh()).toBe(false);
  expect(certificate.fingerprint).toBe(first);

  await makeGiven(files, "two");
  expect(await certificate.refresh()).toBe(true);
  expect(certificate.fingerprint).not.toBe(first);
});

test("a key of another certificate, and a file that is not there, are refused with the paths", async () => {
  const one = { certificatePath: join(directory, "1.pem"), keyPath: join(directory, "1.key") };
  const two = { certificatePath: join(directory, "2.pem"), keyPath: join(directory, "2.key") };
  await makeGiven(one, "one");
  await makeGiven(two, "two");
  const open = (certificatePath: string, keyPath: string): Promise<TlsCertificate> =>
    TlsCertificate.open({ source: { type: "given", certificatePath, keyPath }, clock: systemClock, logger: silentLogger });

  await expect(open(one.certificatePath, two.keyPath)).rejects.toMatchObject({ code: "TLS_CERTIFICATE_UNUSABLE" });
  await expect(open(join(directory, "none.pem"), two.keyPath)).rejects.toThrow(/none\.pem/);
});

test("a host name that is none makes no certificate", async () => {
  await expect(selfMade("a\n[extensions]").open()).rejects.toMatchObject({ code: "TLS_HOST_NAME_INVALID" });
});

async function makeGiven(
  { certificatePath, keyPath }: { certificatePath: string; keyPath: string },
  name: string,
): Promise<void> {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-keyout", keyPath];
  const ended = await runCommand({ argv: ["openssl", "req", "-x509", ...key, "-out", certificatePath, "-subj", `/CN=${name}`] });
  expect(ended.exitCode).toBe(0);
}
