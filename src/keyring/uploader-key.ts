import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AppError, commandError, type EndedCommand, runCommand } from "../runtime/index.ts";
import { type ListedKey, parseListing } from "./key-listing.ts";

/** A public key that may be trusted with uploads: valid now, strong, bound to its owner by strong signatures. */
export interface UploaderKey {
  /** Of the primary key, upper-case hex. */
  readonly fingerprint: string;
  /** The first user id. */
  readonly userId: string;
  readonly createdAt: Date;
  readonly expiresAt: Date | undefined;
  /** `rsa4096`, `ed25519`. */
  readonly algorithm: string;
  readonly subkeyFingerprints: readonly string[];
  /** Without what others have signed. */
  readonly armored: string;
}

const COMMAND_TIMEOUT_MS = 30_000;
/** Keys with many signatures of others are large; with pictures they are larger. */
const KEY_SIZE_BYTES_MAX = 512 * 1024;
const RSA_BITS_MIN = 2048;
const RSA_ALGORITHMS = ["1", "2", "3"];
const DSA_ALGORITHM = "17";
const WEAK_DIGESTS = ["--weak-digest=SHA1", "--weak-digest=RIPEMD160"];

/**
 * Read the one key of a text as `gpg --armor --export` writes it, and refuse what should not sign uploads, by gpg's own
 * judgement. Throws `invalid`: KEY_UNREADABLE, KEY_IS_SECRET, KEY_REVOKED, KEY_EXPIRED, KEY_WEAK, KEY_DIGEST_WEAK,
 * KEY_CANNOT_SIGN.
 */
export async function readUploaderKey(text: string): Promise<UploaderKey> {
  refuseAtFirstSight(text);
  const scratchPath = await mkdtemp(join(tmpdir(), "mini-buildd-key-"));
  try {
    const keyPath = join(scratchPath, "key.asc");
    await writeFile(keyPath, text);
    const shown = parseListing(await gpg(scratchPath, ["--with-colons", "--show-keys", keyPath]));
    const key = judgeKey(shown);

    const imported = await tryGpg(scratchPath, [...WEAK_DIGESTS, "--import", keyPath]);
    const kept = parseListing(await gpg(scratchPath, ["--with-colons", "--list-keys"]));
    if (imported.exitCode !== 0 || !kept.some(({ fingerprint }) => fingerprint === key.fingerprint)) throw weaklyBound(key);
    if (!canSign(judgeKey(kept))) throw weaklyBound(key);

    const exported = await gpg(scratchPath, ["--armor", "--export-options=export-minimal", "--export", key.fingerprint]);
    return { ...publicFacts(key), armored: exported };
  } finally {
    await rm(scratchPath, { recursive: true, force: true });
  }
}

function refuseAtFirstSight(text: string): void {
  if (Buffer.byteLength(text) > KEY_SIZE_BYTES_MAX) throw unreadable(`it is larger than ${KEY_SIZE_BYTES_MAX} bytes`);
  if (text.includes("BEGIN PGP PRIVATE KEY BLOCK")) {
    throw new AppError({
      kind: "invalid",
      code: "KEY_IS_SECRET",
      message: "this is a secret key, which must never leave your machine; it was not kept here",
      hint: "Send the public one: gpg --armor --export KEYID. Consider whether this one is still secret",
    });
  }
  if (!text.includes("BEGIN PGP PUBLIC KEY BLOCK")) throw unreadable("it has no armored public key");
}

function judgeKey(keys: readonly ListedKey[]): ListedKey {
  const [key] = keys;
  if (key === undefined || keys.length !== 1) throw unreadable(`it has ${keys.length} keys instead of one`);
  if (key.validity === "r") throw refusal(key, "KEY_REVOKED", "has been revoked", "Send the key that takes its place");
  if (key.validity === "e") {
    const since = key.expiresAt?.toISOString().slice(0, 10) ?? "";
    throw refusal(key, "KEY_EXPIRED", `expired on ${since}`, "Extend its life (gpg --quick-set-expire), and send it again");
  }
  if (!canSign(key))
    throw refusal(key, "KEY_CANNOT_SIGN", "has no valid part that signs", "Add a signing subkey, or send another key");

  const weak = [key, ...key.subkeys].find(isWeakSigner);
  if (weak !== undefined) {
    throw refusal(
      key,
      "KEY_WEAK",
      `signs with ${algorithmName(weak)}, which is too weak`,
      `Make one of ed25519, or RSA of at least ${RSA_BITS_MIN} bits`,
    );
  }
  return key;
}

/** Upper case: what the whole key can do now. */
function canSign(key: ListedKey): boolean {
  return key.capabilities.includes("S");
}

function isWeakSigner(key: ListedKey): boolean {
  if (!/[sc]/.test(key.capabilities) || ["r", "e"].includes(key.validity)) return false;
  return key.algorithm === DSA_ALGORITHM || (RSA_ALGORITHMS.includes(key.algorithm) && key.bits < RSA_BITS_MIN);
}

function publicFacts(key: ListedKey): Omit<UploaderKey, "armored"> {
  return {
    fingerprint: key.fingerprint,
    userId: key.userId,
    createdAt: key.createdAt,
    expiresAt: key.expiresAt,
    algorithm: algorithmName(key),
    subkeyFingerprints: key.subkeys.map(({ fingerprint }) => fingerprint),
  };
}

function algorithmName(key: ListedKey): string {
  if (key.curve !== "") return key.curve;
  return `${key.algorithm === DSA_ALGORITHM ? "dsa" : "rsa"}${key.bits}`;
}

async function gpg(homePath: string, args: readonly string[]): Promise<string> {
  const ended = await tryGpg(homePath, args);
  if (ended.reason === "exited" && ended.exitCode === 0) return ended.stdout.toString("utf8");
  throw unreadable("gpg cannot read it", commandError(["gpg", ...args], ended));
}

function tryGpg(homePath: string, args: readonly string[]): Promise<EndedCommand> {
  const fixed = ["--batch", "--no-tty", "--no-options", "--no-autostart"];
  return runCommand({ argv: ["gpg", `--homedir=${homePath}`, ...fixed, ...args], timeoutMs: COMMAND_TIMEOUT_MS });
}

function weaklyBound(key: ListedKey): AppError {
  return refusal(
    key,
    "KEY_DIGEST_WEAK",
    "is bound to its user ids or signing subkeys by SHA-1 signatures only, which apt and gpgv no longer trust",
    "Sign it anew: gpg --cert-digest-algo SHA512 --quick-set-expire FINGERPRINT 2y (and the same for '*'), and send it again",
  );
}

function refusal(key: ListedKey, code: string, what: string, hint: string): AppError {
  return new AppError({
    kind: "invalid",
    code,
    message: `key ${key.fingerprint} ${what}`,
    hint,
    facts: { fingerprint: key.fingerprint },
  });
}

function unreadable(why: string, cause?: unknown): AppError {
  return new AppError({
    kind: "invalid",
    code: "KEY_UNREADABLE",
    message: `this is no usable OpenPGP public key: ${why}`,
    hint: "Send what `gpg --armor --export FINGERPRINT` prints, all of it",
    cause,
  });
}
