import { generateKeyPairSync, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { parseSshKey } from "./ssh-key-text.ts";

function field(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as string);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function line(type: string, ...fields: (string | Buffer)[]): string {
  return `${type} ${Buffer.concat([type, ...fields].map(field)).toString("base64")}`;
}

function rsa(bits: number): string {
  const { publicKey } = generateKeyPairSync("rsa", { modulusLength: bits });
  const modulus = Buffer.from(publicKey.export({ format: "jwk" }).n ?? "", "base64url");
  return line("ssh-rsa", Buffer.from([1, 0, 1]), Buffer.concat([Buffer.from([0]), modulus]));
}

const ED25519 = line("ssh-ed25519", randomBytes(32));

test("the line of a .pub file: kind, fingerprint, comment", () => {
  const key = parseSshKey(`${ED25519} ann@laptop of mine\n`);

  expect(key).toMatchObject({ type: "ssh-ed25519", comment: "ann@laptop of mine" });
  expect(key.fingerprint).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/);
  expect(parseSshKey(ED25519).comment).toBe("");
});

test("RSA of 2048 bits is taken, of fewer not", () => {
  expect(parseSshKey(rsa(2048)).type).toBe("ssh-rsa");
  expect(() => parseSshKey(rsa(1024))).toThrow(/1024 bits/);
});

test.each([
  ["a private key", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n", "SSH_KEY_IS_SECRET"],
  ["nothing", "", "SSH_KEY_UNREADABLE"],
  ["two lines", `${ED25519}\n${ED25519}`, "SSH_KEY_UNREADABLE"],
  ["options in front", `command="sh" ${ED25519}`, "SSH_KEY_UNREADABLE"],
  ["another kind inside", line("ssh-rsa", "x").replace("ssh-rsa", "ssh-ed25519"), "SSH_KEY_UNREADABLE"],
  ["a key that is cut off", ED25519.slice(0, -8), "SSH_KEY_UNREADABLE"],
  ["a point of the wrong size", line("ssh-ed25519", randomBytes(31)), "SSH_KEY_UNREADABLE"],
  [
    "a length beyond the end",
    `ssh-ed25519 ${Buffer.concat([field("ssh-ed25519"), Buffer.from([0xff, 0xff, 0xff, 0xff])]).toString("base64")}`,
    "SSH_KEY_UNREADABLE",
  ],
  ["DSA", line("ssh-dss", "a", "b", "c", "d"), "SSH_KEY_KIND"],
  ["a hardware key", line("sk-ssh-ed25519@openssh.com", randomBytes(32), "ssh:"), "SSH_KEY_KIND"],
  ["an empty modulus", line("ssh-rsa", Buffer.from([1, 0, 1]), ""), "SSH_KEY_WEAK"],
])("%s is refused", (_what, text, code) => {
  expect(() => parseSshKey(text)).toThrow(expect.objectContaining({ code }) as Error);
});
