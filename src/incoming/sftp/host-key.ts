import { generateKeyPairSync, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { sshFingerprintOf } from "../../accounts/index.ts";
import { AppError, makeDirectory, writeFileAtomically } from "../../runtime/index.ts";

/** By which clients know this server again. */
export interface SshHostKey {
  /** OpenSSH's own format. */
  readonly privateKey: string;
  /** "ssh-ed25519 AAAA…", as in known_hosts. */
  readonly publicKey: string;
  /** "SHA256:…", as ssh shows it. */
  readonly fingerprint: string;
}

const MAGIC = Buffer.from("openssh-key-v1\0");
const ARMOR = /^-----BEGIN OPENSSH PRIVATE KEY-----\n([A-Za-z0-9+/=\s]+)-----END OPENSSH PRIVATE KEY-----\s*$/;

/**
 * Read it, or make it (ed25519, mode 0600) when there is none. One of the administrator's, made by ssh-keygen without a
 * passphrase, may lie there instead. Throws SSH_HOST_KEY_UNUSABLE (invalid).
 */
export async function openSshHostKey(path: string): Promise<SshHostKey> {
  const existing = await readExisting(path);
  if (existing !== undefined) return parseHostKey(existing, path);

  const made = makeHostKey();
  await makeDirectory(dirname(path), 0o700);
  await writeFileAtomically(path, made, { mode: 0o600 });
  return parseHostKey(made, path);
}

async function readExisting(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "latin1");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw unusable(path, error);
  }
}

function parseHostKey(text: string, path: string): SshHostKey {
  const bytes = Buffer.from(ARMOR.exec(text)?.[1] ?? "", "base64");
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw unusable(path);

  let position = MAGIC.length;
  const next = (): Buffer => {
    if (position + 4 > bytes.length) throw unusable(path);
    const length = bytes.readUInt32BE(position);
    const part = bytes.subarray(position + 4, position + 4 + length);
    if (part.length !== length) throw unusable(path);
    position += 4 + length;
    return part;
  };
  const cipher = next();
  next();
  next();
  position += 4;
  const publicKey = next();
  if (cipher.toString() !== "none") throw unusable(path);
  const type = publicKey.subarray(4, 4 + publicKey.readUInt32BE(0)).toString();
  return { privateKey: text, publicKey: `${type} ${publicKey.toString("base64")}`, fingerprint: sshFingerprintOf(publicKey) };
}

/** PROTOCOL.key of OpenSSH. */
function makeHostKey(): string {
  const { privateKey } = generateKeyPairSync("ed25519");
  const { d = "", x = "" } = privateKey.export({ format: "jwk" });
  const [seed, point] = [Buffer.from(d, "base64url"), Buffer.from(x, "base64url")];
  const publicKey = Buffer.concat([field("ssh-ed25519"), field(point)]);
  const check = randomBytes(4);
  const secret = Buffer.concat([check, check, publicKey, field(Buffer.concat([seed, point])), field("mini-buildd")]);
  const padding = Buffer.from([1, 2, 3, 4, 5, 6, 7].slice(0, (8 - (secret.length % 8)) % 8));
  const count = Buffer.from([0, 0, 0, 1]);
  const head = [MAGIC, field("none"), field("none"), field(""), count];
  const all = Buffer.concat([...head, field(publicKey), field(Buffer.concat([secret, padding]))]).toString("base64");
  const lines = all.match(/.{1,70}/g) ?? [];
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines.join("\n")}\n-----END OPENSSH PRIVATE KEY-----\n`;
}

function field(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as string);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function unusable(path: string, cause?: unknown): AppError {
  return new AppError({
    kind: "invalid",
    code: "SSH_HOST_KEY_UNUSABLE",
    message: `${path} is no private key of OpenSSH's format without a passphrase`,
    hint: "Remove it, and another one is made; or make one with ssh-keygen -N ''",
    cause,
  });
}
