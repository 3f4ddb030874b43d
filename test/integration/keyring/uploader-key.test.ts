import { afterAll, beforeAll, expect, test } from "vitest";
import { readUploaderKey } from "../../../src/keyring/index.ts";
import { makeTestKey, type TestKey } from "../../support/keys.ts";

const LONG_AGO_SECONDS = 1_600_000_000;

let good: TestKey;
let weak: TestKey;
let expired: TestKey;
let sha1: TestKey;
let revoked: TestKey;
let certifyOnly: TestKey;

beforeAll(async () => {
  [good, weak, expired, sha1, revoked, certifyOnly] = await Promise.all([
    makeTestKey({ userId: "Ünal Uploader <u@example.org>" }),
    makeTestKey({ algorithm: "rsa1024" }),
    makeTestKey({ madeAtSeconds: LONG_AGO_SECONDS, expires: "1d" }),
    makeTestKey({ algorithm: "rsa2048" }),
    makeTestKey(),
    makeTestKey(),
  ]);
  // A binding by SHA-1 beside nothing better: the newer self-signature replaces the first in a minimal export.
  await sha1.gpg(["--cert-digest-algo=SHA1", "--allow-weak-key-signatures", "--quick-set-expire", sha1.fingerprint, "5y"]);
  const certificate = (
    await revoked.gpg(["--command-fd=0", "--no-batch", "--gen-revoke", revoked.fingerprint], "y\n0\n\ny\n")
  ).toString();
  await revoked.gpg(["--import"], certificate);
  await certifyOnly.gpg(["--quick-generate-key", "Only Certifies <c@example.org>", "ed25519", "cert", "never"]);
});

afterAll(async () => {
  for (const key of [good, weak, expired, sha1, revoked, certifyOnly]) await key?.dispose();
});

test("a strong key is read with its owner, and comes out as gpg exports it", async () => {
  const key = await readUploaderKey(await good.armoredPublicKey());

  expect(key).toMatchObject({
    fingerprint: good.fingerprint,
    userId: "Ünal Uploader <u@example.org>",
    algorithm: "ed25519",
    expiresAt: undefined,
  });
  expect(await readUploaderKey(key.armored)).toEqual(key);
});

test("a key is found in what people paste around it", async () => {
  const text = `Here is my key:\r\n\r\n${(await good.armoredPublicKey()).replaceAll("\n", "\r\n")}\r\nThanks!`;

  expect((await readUploaderKey(text)).fingerprint).toBe(good.fingerprint);
});

test.each([
  ["a weak one", () => weak.armoredPublicKey(), "KEY_WEAK", /signs with rsa1024/],
  ["an expired one", () => expired.armoredPublicKey(), "KEY_EXPIRED", /expired on 2020-09-14/],
  ["one bound by SHA-1 only", () => minimal(sha1), "KEY_DIGEST_WEAK", /SHA-1 signatures only/],
  ["a revoked one", () => revoked.armoredPublicKey(), "KEY_REVOKED", /has been revoked/],
  ["one that only certifies", () => lastOf(certifyOnly), "KEY_CANNOT_SIGN", /no valid part that signs/],
  ["a secret one", () => secret(good), "KEY_IS_SECRET", /must never leave your machine/],
  [
    "two at once",
    async () => `${await good.armoredPublicKey()}${await weak.armoredPublicKey()}`,
    "KEY_UNREADABLE",
    /2 keys instead of one/,
  ],
  ["none", async () => "hello", "KEY_UNREADABLE", /no armored public key/],
  [
    "a broken one",
    async () => (await good.armoredPublicKey()).replace(/\n\n.{20}/, "\n\nAAAAAAAAAAAAAAAAAAAA"),
    "KEY_UNREADABLE",
    /no usable/,
  ],
  ["a huge one", async () => `${await good.armoredPublicKey()}${"x".repeat(600_000)}`, "KEY_UNREADABLE", /larger than/],
])("%s is refused, with the reason", async (_, text, code, message) => {
  await expect(readUploaderKey(await text())).rejects.toMatchObject({
    code,
    kind: "invalid",
    message: expect.stringMatching(message),
  });
});

/** Only the newest self-signature of each user id. */
async function minimal(key: TestKey): Promise<string> {
  return (await key.gpg(["--armor", "--export-options=export-minimal", "--export", key.fingerprint])).toString("latin1");
}

async function lastOf(key: TestKey): Promise<string> {
  return (await key.gpg(["--armor", "--export", "c@example.org"])).toString("latin1");
}

async function secret(key: TestKey): Promise<string> {
  return (await key.gpg(["--armor", "--export-secret-keys", key.fingerprint])).toString("latin1");
}
