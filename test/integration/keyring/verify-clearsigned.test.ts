import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { verifyClearsigned } from "../../../src/keyring/index.ts";
import { makeTestKey, type TestKey } from "../../support/keys.ts";

const TEXT = "Source: hello\nVersion: 1.0-1\n- dashed\n\nÄ: ö\n";
const LONG_AGO_SECONDS = 1_577_836_800;

let scratchPath: string;
let known: TestKey;
let other: TestKey;
let expired: TestKey;

beforeAll(async () => {
  scratchPath = await mkdtemp(join(tmpdir(), "mbd-test-"));
  [known, other, expired] = await Promise.all([
    makeTestKey({ algorithm: "rsa2048" }),
    makeTestKey({ userId: "Other <other@example.org>" }),
    makeTestKey({ madeAtSeconds: LONG_AGO_SECONDS, expires: "1d" }),
  ]);
});

afterAll(async () => {
  await Promise.all([known, other, expired].map((key) => key.dispose()));
  await rm(scratchPath, { recursive: true, force: true });
});

async function checkRefused(signed: Uint8Array, code: string, message: RegExp): Promise<void> {
  await expect(verifyClearsigned(signed, [known.publicKeyPath, expired.publicKeyPath])).rejects.toMatchObject({
    kind: "forbidden",
    code,
    message: expect.stringMatching(message),
  });
}

test("a good signature yields the signed text and who signed it when", async () => {
  const verified = await verifyClearsigned(await known.clearsign(TEXT), [other.publicKeyPath, known.publicKeyPath]);

  expect(verified).toMatchObject({ text: TEXT, fingerprint: known.fingerprint, primaryFingerprint: known.fingerprint });
  expect(verified.signedAt.getTime()).toBeGreaterThan(LONG_AGO_SECONDS * 1000);
});

test("a signature by a subkey names the subkey and its primary key", async () => {
  const key = await makeTestKey();
  try {
    await key.gpg(["--quick-add-key", key.fingerprint, "ed25519", "sign", "never"]);
    await writeFile(key.publicKeyPath, await key.armoredPublicKey());

    const verified = await verifyClearsigned(await key.clearsign(TEXT), [key.publicKeyPath]);

    expect(verified.primaryFingerprint).toBe(key.fingerprint);
    expect(verified.fingerprint).not.toBe(key.fingerprint);
  } finally {
    await key.dispose();
  }
});

test("binary keyrings and files with several armored keys are read", async () => {
  const binaryPath = join(scratchPath, "known.gpg");
  const bothPath = join(scratchPath, "both.asc");
  await writeFile(binaryPath, await known.gpg(["--export"]));
  await writeFile(bothPath, `# two keys\n${await other.armoredPublicKey()}\n${await known.armoredPublicKey()}`);
  const signed = await known.clearsign(TEXT);

  expect((await verifyClearsigned(signed, [binaryPath])).fingerprint).toBe(known.fingerprint);
  expect((await verifyClearsigned(signed, [bothPath])).fingerprint).toBe(known.fingerprint);
});

test("an unsigned text is called unsigned", () => checkRefused(Buffer.from(TEXT), "SIGNATURE_MISSING", /no OpenPGP signature/));

test("a signature by an unknown key names the key", async () => {
  await checkRefused(await other.clearsign(TEXT), "SIGNATURE_KEY_UNKNOWN", new RegExp(other.fingerprint));
});

test("with no keyring at all every key is unknown", async () => {
  await expect(verifyClearsigned(await known.clearsign(TEXT), [])).rejects.toMatchObject({ code: "SIGNATURE_KEY_UNKNOWN" });
});

test("a text changed after signing is called changed", async () => {
  const tampered = (await known.clearsign(TEXT)).toString("latin1").replace("1.0-1", "1.0-2");

  await checkRefused(Buffer.from(tampered, "latin1"), "SIGNATURE_BAD", /changed after it was signed/);
});

test("a signature by an expired key is refused, also when made while it was valid", async () => {
  const signed = await expired.clearsign(TEXT, [`--faked-system-time=${LONG_AGO_SECONDS + 60}`]);

  await checkRefused(signed, "SIGNATURE_KEY_EXPIRED", /expired/);
});

test("a signature by a revoked key is refused", async () => {
  const key = await makeTestKey();
  try {
    const signed = await key.clearsign(TEXT);
    await key.gpg(["--import"], await revocationCertificate(key));
    await writeFile(key.publicKeyPath, await key.armoredPublicKey());

    await expect(verifyClearsigned(signed, [key.publicKeyPath])).rejects.toMatchObject({ code: "SIGNATURE_KEY_REVOKED" });
  } finally {
    await key.dispose();
  }
});

test("a SHA-1 signature is refused", async () => {
  const signed = await known.clearsign(TEXT, ["--digest-algo=SHA1"]);

  await checkRefused(signed, "SIGNATURE_DIGEST_WEAK", /SHA-1/);
});

test("text before and after the signed block does not come through", async () => {
  const signed = await known.clearsign(TEXT);

  const verified = await verifyClearsigned(Buffer.concat([Buffer.from("Evil: 1\n"), signed, Buffer.from("Evil: 2\n")]), [
    known.publicKeyPath,
  ]);

  expect(verified.text).toBe(TEXT);
});

test("a keyring that is none is named", async () => {
  const path = join(scratchPath, "garbage.asc");
  await writeFile(path, "not a key\n");

  await expect(verifyClearsigned(await known.clearsign(TEXT), [path])).rejects.toMatchObject({
    code: "KEYRING_UNREADABLE",
    message: expect.stringContaining("garbage.asc"),
  });
});

/** gpg writes one beside each new key, with a colon before the armor so that nobody imports it by accident. */
async function revocationCertificate(key: TestKey): Promise<string> {
  const text = await readFile(join(key.homePath, "openpgp-revocs.d", `${key.fingerprint}.rev`), "utf8");
  return text.replace(":-----BEGIN", "-----BEGIN");
}
