import { createHash } from "node:crypto";
import { AppError } from "../runtime/index.ts";

export interface SshPublicKey {
  readonly type: string;
  /** As SSH sends it. */
  readonly blob: Buffer;
  /** "SHA256:…", as ssh-keygen -l shows it. */
  readonly fingerprint: string;
  readonly comment: string;
}

const RSA_BITS_MIN = 2048;
const TEXT_LENGTH_MAX = 16_384;
const COMMENT_LENGTH_MAX = 200;
const TYPES = ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa"];

/**
 * One line of a .pub file: "ssh-ed25519 AAAA… comment". Throws SSH_KEY_UNREADABLE, SSH_KEY_IS_SECRET, SSH_KEY_KIND,
 * SSH_KEY_WEAK (invalid).
 */
export function parseSshKey(text: string): SshPublicKey {
  if (text.includes("PRIVATE KEY")) throw isSecret();
  const match = /^\s*([a-z0-9@.-]+)[ \t]+([A-Za-z0-9+/]+={0,2})(?:[ \t]+([^\r\n]*))?\s*$/.exec(text.slice(0, TEXT_LENGTH_MAX));
  const [, type = "", encoded = "", comment = ""] = match ?? [];
  const blob = Buffer.from(encoded, "base64");
  const fields = fieldsOf(blob);
  if (match === null || fields?.[0]?.toString("latin1") !== type) throw unreadable();
  if (!TYPES.includes(type)) throw kindRefused(type);
  if (!isWhole(type, fields)) throw unreadable();
  if (type === "ssh-rsa") refuseWeak(fields[2]!);

  return { type, blob, fingerprint: sshFingerprintOf(blob), comment: comment.trim().slice(0, COMMENT_LENGTH_MAX) };
}

export function sshFingerprintOf(blob: Uint8Array): string {
  return `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`;
}

/** RFC 4251: each with its length in front; undefined when they do not fill the blob exactly. */
function fieldsOf(blob: Buffer): Buffer[] | undefined {
  const fields: Buffer[] = [];
  let position = 0;
  while (position + 4 <= blob.length) {
    const length = blob.readUInt32BE(position);
    fields.push(blob.subarray(position + 4, position + 4 + length));
    position += 4 + length;
  }
  return position === blob.length ? fields : undefined;
}

function isWhole(type: string, fields: readonly Buffer[]): boolean {
  if (type === "ssh-ed25519") return fields.length === 2 && fields[1]!.length === 32;
  if (type === "ssh-rsa") return fields.length === 3 && fields[1]!.length > 0;
  return fields.length === 3 && fields[1]!.toString("latin1") === type.replace("ecdsa-sha2-", "") && fields[2]!.length > 64;
}

function refuseWeak(modulus: Buffer): void {
  const significant = modulus[0] === 0 ? modulus.subarray(1) : modulus;
  const bits = significant.length === 0 ? 0 : significant.length * 8 - Math.clz32(significant[0]!) + 24;
  if (bits >= RSA_BITS_MIN) return;
  throw new AppError({
    kind: "invalid",
    code: "SSH_KEY_WEAK",
    message: `this RSA key has ${bits} bits, and ${RSA_BITS_MIN} are needed`,
    hint: "Make one with: ssh-keygen -t ed25519",
  });
}

function isSecret(): AppError {
  return new AppError({
    kind: "invalid",
    code: "SSH_KEY_IS_SECRET",
    message: "this is the private half of a key",
    hint: "Send the file that ends in .pub; and consider whether the private half is still private",
  });
}

function unreadable(): AppError {
  return new AppError({
    kind: "invalid",
    code: "SSH_KEY_UNREADABLE",
    message: "this is no public key of SSH",
    hint: "Send the one line of ~/.ssh/id_ed25519.pub",
  });
}

function kindRefused(type: string): AppError {
  return new AppError({
    kind: "invalid",
    code: "SSH_KEY_KIND",
    message: `keys of the kind ${type.slice(0, 60)} are not taken`,
    hint: `Kinds are: ${TYPES.join(", ")}`,
  });
}
