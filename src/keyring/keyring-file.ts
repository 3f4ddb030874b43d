import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../runtime/index.ts";

const ARMOR_BLOCK = /-----BEGIN PGP PUBLIC KEY BLOCK-----\r?\n([\s\S]*?)-----END PGP PUBLIC KEY BLOCK-----/g;

/**
 * The path of a binary form of a public keyring file, which is what gpgv reads: the file itself, or, when it is
 * ASCII-armored, a copy in `scratchPath`. Throws KEYRING_UNREADABLE.
 */
export async function binaryKeyringPath(keyringPath: string, scratchPath: string, index: number): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readFile(keyringPath);
  } catch (error) {
    throw unreadable(keyringPath, "it cannot be read", error);
  }
  // An empty file is a keyring without keys; gpgv takes it so.
  if (bytes.length === 0 || isBinary(bytes)) return keyringPath;

  const dearmored = dearmorPublicKeys(bytes.toString("latin1"));
  if (dearmored.length === 0) throw unreadable(keyringPath, "it has no OpenPGP public key", undefined);
  const copyPath = join(scratchPath, `keyring-${index}.gpg`);
  await writeFile(copyPath, dearmored);
  return copyPath;
}

/** All public key blocks of a text as binary packets, one after the other. Anything between the blocks is ignored. */
export function dearmorPublicKeys(text: string): Buffer {
  const blocks = [...text.matchAll(ARMOR_BLOCK)].map(([, body]) => dearmorBlock(body ?? ""));
  return Buffer.concat(blocks);
}

/** The body after the armor headers (`Version:`, `Comment:`) up to the checksum line. */
function dearmorBlock(body: string): Buffer {
  const lines = body.split("\n").map((line) => line.trim());
  const blankAt = lines.indexOf("");
  const hasHeaders = lines.slice(0, Math.max(blankAt, 0)).every((line) => line.includes(": "));
  const data = lines.slice(hasHeaders ? blankAt + 1 : 0).filter((line) => line !== "" && !line.startsWith("="));
  return Buffer.from(data.join(""), "base64");
}

/** An OpenPGP packet's first byte has the high bit set; a keybox says so in its header. */
function isBinary(bytes: Buffer): boolean {
  return ((bytes[0] ?? 0) & 0x80) !== 0 || bytes.subarray(8, 12).toString("latin1") === "KBXf";
}

function unreadable(keyringPath: string, why: string, cause: unknown): AppError {
  return new AppError({
    kind: "invalid",
    code: "KEYRING_UNREADABLE",
    message: `keyring ${keyringPath} is not usable: ${why}`,
    hint: "Put an exported public key there (gpg --export, with or without --armor)",
    facts: { keyringPath },
    cause,
  });
}
