import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AppError, runCommand } from "../runtime/index.ts";
import { type ClearsignedMessage, splitClearsignedMessage } from "./clearsigned-message.ts";
import { binaryKeyringPath } from "./keyring-file.ts";
import { type GoodSignature, judgeSignatures } from "./signature-status.ts";

export interface VerifiedText extends GoodSignature {
  /** The signed text as UTF-8, ending in a line feed: go on with this, never with the file it came from. */
  readonly text: string;
}

/** Public keys that are no file: those of accounts. */
export interface PublicKeys {
  readonly armored: string;
}

const VERIFY_TIMEOUT_MS = 30_000;
// gpgv itself refuses MD5.
const WEAK_DIGESTS = ["SHA1", "RIPEMD160"];

/**
 * Verify a clearsigned text against public keyring files (binary, keybox or ASCII-armored) and keys given as text. Keys
 * in other places of the system do not count.
 *
 * Throws `forbidden` with SIGNATURE_MISSING, SIGNATURE_BAD, SIGNATURE_KEY_UNKNOWN, SIGNATURE_KEY_EXPIRED,
 * SIGNATURE_KEY_REVOKED, SIGNATURE_EXPIRED or SIGNATURE_DIGEST_WEAK; `invalid` KEYRING_UNREADABLE.
 */
export async function verifyClearsigned(bytes: Uint8Array, keyrings: readonly (string | PublicKeys)[]): Promise<VerifiedText> {
  const message = splitClearsignedMessage(bytes);
  const scratchPath = await mkdtemp(join(tmpdir(), "mini-buildd-verify-"));
  try {
    const statusOutput = await runGpgv(message, keyrings, scratchPath);
    return { ...judgeSignatures(statusOutput), text: `${message.signedBytes.toString("utf8")}\n` };
  } finally {
    await rm(scratchPath, { recursive: true, force: true });
  }
}

async function runGpgv(
  message: ClearsignedMessage,
  keyrings: readonly (string | PublicKeys)[],
  scratchPath: string,
): Promise<string> {
  const dataPath = join(scratchPath, "text");
  const signaturePath = join(scratchPath, "text.asc");
  const emptyKeyringPath = join(scratchPath, "none.gpg");
  await writeFile(dataPath, message.signedBytes);
  await writeFile(signaturePath, message.armoredSignature);
  // Without any --keyring gpgv would take the trustedkeys of its home.
  await writeFile(emptyKeyringPath, "");

  const binaryPaths = await Promise.all(
    keyrings.map(async (keyring, index) => {
      const path = typeof keyring === "string" ? keyring : join(scratchPath, `keys-${index}.asc`);
      if (typeof keyring !== "string") await writeFile(path, keyring.armored);
      return binaryKeyringPath(path, scratchPath, index);
    }),
  );
  const ended = await runCommand({
    argv: [
      "gpgv",
      `--homedir=${scratchPath}`,
      "--status-fd=1",
      ...WEAK_DIGESTS.flatMap((digest) => ["--weak-digest", digest]),
      ...[emptyKeyringPath, ...binaryPaths].flatMap((path) => ["--keyring", path]),
      "--",
      signaturePath,
      dataPath,
    ],
    timeoutMs: VERIFY_TIMEOUT_MS,
  });

  // Status 1 and 2 are verdicts, told apart by the status lines; anything else is no verdict at all.
  if (ended.reason === "exited" && (ended.exitCode ?? 99) <= 2) return ended.stdout.toString("utf8");
  throw new AppError({
    kind: "unavailable",
    code: "SIGNATURE_CHECK_FAILED",
    message: "the signature could not be checked: gpgv did not run to its end",
    hint: "Install gpgv; mini-buildd doctor shows what is missing",
    facts: { reason: ended.reason, exitCode: ended.exitCode },
    cause: ended.stderr.toString("utf8"),
  });
}
