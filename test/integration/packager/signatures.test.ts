import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeTestKey, type TestKey } from "../../support/keys.ts";
import { type DeliverOptions, PackagerSite } from "./packager-site.ts";

const SIGNED = "bookworm-signed-unstable";
const LONG_AGO_SECONDS = 1_600_000_000;

const site = PackagerSite.use();

let known: TestKey;
let unknown: TestKey;
let expired: TestKey;
let revoked: TestKey;

beforeAll(async () => {
  [known, unknown, expired, revoked] = await Promise.all([
    makeTestKey(),
    makeTestKey(),
    makeTestKey({ madeAtSeconds: LONG_AGO_SECONDS, expires: "1d" }),
    makeTestKey(),
  ]);
});

afterAll(async () => {
  for (const key of [known, unknown, expired, revoked]) await key.dispose();
});

/** To a repository that knows the owners of `known`, `expired` and `revoked`; by default the one that wants a signature. */
async function uploadSigned(
  edit: DeliverOptions["edit"],
  { distribution = SIGNED, version = "1.0-1~signed12+1" } = {},
): Promise<string> {
  await site.allowKeys(...(await Promise.all([known, expired, revoked].map((key) => key.armoredPublicKey()))));
  return site.upload(await site.makeSource({ version }), { distribution, ...(edit === undefined ? {} : { edit }) });
}

/** To a repository that takes unsigned uploads and knows the same keys. */
async function uploadToOpen(edit: NonNullable<DeliverOptions["edit"]>, version = "1.0-1~open12+1"): Promise<string> {
  return uploadSigned(edit, { distribution: "bookworm-open-unstable", version });
}

const signWith = (key: TestKey) => (text: string) => key.clearsign(text);

async function tampered(text: string): Promise<string> {
  const signed = (await known.clearsign(text)).toString("utf8");
  return signed.replace("Urgency: medium", "Urgency: high");
}

async function withExpiredKey(text: string): Promise<Buffer> {
  return expired.clearsign(text, [`--faked-system-time=${LONG_AGO_SECONDS + 3600}`]);
}

test("a key that was approved for the repository counts beside its keyring files, and only there", async () => {
  const keys = [{ armored: await unknown.armoredPublicKey() }];
  site.change({ uploaderKeys: (repositoryId) => Promise.resolve(repositoryId === "signed" ? keys : []) });
  const uploadId = await uploadSigned(signWith(unknown));

  expect(await site.verdict(uploadId)).toBe("building");
  expect(await site.signer(uploadId)).toBe(unknown.fingerprint);

  site.change({ uploaderKeys: (repositoryId) => Promise.resolve(repositoryId === "open" ? keys : []) });
  expect(await site.verdict(await uploadSigned(signWith(unknown), { version: "1.1-1~signed12+1" }))).toBe(
    "rejected SIGNATURE_KEY_UNKNOWN",
  );
});

test("an upload that a known key signed is accepted, and its signer kept", async () => {
  const uploadId = await uploadSigned(signWith(known));

  expect(await site.verdict(uploadId)).toBe("building");
  expect(await site.signer(uploadId)).toBe(known.fingerprint);
});

test("unsigned, unknown, tampered and expired are four different reasons", async () => {
  const verdicts = [];
  const messages = [];
  for (const edit of [undefined, signWith(unknown), tampered, withExpiredKey]) {
    const uploadId = await uploadSigned(edit);
    verdicts.push(await site.verdict(uploadId));
    messages.push((await site.problems(uploadId))[0]?.message);
  }

  const codes = ["SIGNATURE_MISSING", "SIGNATURE_KEY_UNKNOWN", "SIGNATURE_BAD", "SIGNATURE_KEY_EXPIRED"];
  expect(verdicts).toEqual(codes.map((code) => `rejected ${code}`));
  expect(new Set(messages).size).toBe(4);
  // Which key: gpg names it by the end of its fingerprint, or the whole.
  expect(messages[1]).toContain(unknown.fingerprint.slice(-16));
  expect(messages[3]).toContain(expired.fingerprint.slice(-16));
});

test("a revoked key is refused as such", async () => {
  const uploadId = await uploadSigned(async (text) => {
    const signed = await revoked.clearsign(text);
    await revoke(revoked);
    await site.allowKeys(await revoked.armoredPublicKey());
    return signed;
  });

  expect(await site.verdict(uploadId)).toBe("rejected SIGNATURE_KEY_REVOKED");
});

test("what stands outside the signature does not count", async () => {
  const uploadId = await uploadSigned(
    async (text) => `Version: 0\n${(await known.clearsign(text)).toString("utf8")}Source: evil\n`,
  );

  expect(await site.verdict(uploadId)).toBe("building");
  expect(await site.order(uploadId, "amd64")).toMatchObject({ source: "hello", version: "1.0-1~signed12+1" });
});

test("where unsigned uploads are taken, unknown keys are too, and known signers are kept", async () => {
  const byUnknown = await uploadToOpen(signWith(unknown));
  await site.build("amd64");
  const byKnown = await uploadToOpen(signWith(known), "1.0-2~open12+1");

  expect([await site.state(byUnknown), await site.signer(byUnknown)]).toEqual(["installed", null]);
  expect([await site.state(byKnown), await site.signer(byKnown)]).toEqual(["building", known.fingerprint]);
});

test.each([
  ["tampered", tampered, "SIGNATURE_BAD"],
  ["expired", withExpiredKey, "SIGNATURE_KEY_EXPIRED"],
  [
    "cut off",
    async (text: string) => (await known.clearsign(text)).toString("utf8").replace(/^[^ :\n]{30,}$/m, ""),
    "SIGNATURE_BAD",
  ],
])("a signature that is %s is refused even where unsigned uploads are taken", async (_, edit, code) => {
  const uploadId = await uploadToOpen(edit);

  expect(await site.verdict(uploadId)).toBe(`rejected ${code}`);
});

/** With the certificate that gpg keeps for that case. */
async function revoke(key: TestKey): Promise<void> {
  const certificate = await readFile(`${key.homePath}/openpgp-revocs.d/${key.fingerprint}.rev`, "utf8");
  // A colon before it keeps it from being imported by mistake.
  await key.gpg(["--import"], certificate.replace(/^:-----BEGIN/m, "-----BEGIN"));
}
