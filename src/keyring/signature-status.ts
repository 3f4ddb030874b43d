import { AppError } from "../runtime/index.ts";

/** A signature that gpgv accepted without reserve. */
export interface GoodSignature {
  /** Of the key that signed: the primary key or a subkey of it. Upper-case hex. */
  readonly fingerprint: string;
  readonly primaryFingerprint: string;
  readonly signedAt: Date;
}

type StatusLine = readonly [keyword: string, ...fields: string[]];

// gpg-error numbers in the ERRSIG line.
const ERROR_DIGEST_ALGORITHM = "5";
const ERROR_NO_PUBLIC_KEY = "9";

/**
 * What gpgv's status lines say, as a value or as the error that tells the signer what is wrong. With several
 * signatures one good one suffices, but a bad one spoils all.
 *
 * EXPKEYSIG and REVKEYSIG come with VALIDSIG and exit status 0: only GOODSIG counts.
 */
export function judgeSignatures(statusOutput: string): GoodSignature {
  const lines = parseStatusLines(statusOutput);
  const find = (keyword: string): StatusLine | undefined => lines.find(([name]) => name === keyword);

  if (find("BADSIG") !== undefined) throw badSignature(find("BADSIG")?.[1]);
  const good = findGoodSignature(lines);
  if (good !== undefined) return good;

  if (find("REVKEYSIG") !== undefined) throw revokedKey(find("REVKEYSIG")?.[1]);
  if (find("EXPKEYSIG") !== undefined) throw expiredKey(find("EXPKEYSIG")?.[1]);
  if (find("EXPSIG") !== undefined) throw expiredSignature(find("EXPSIG")?.[1]);
  const uncheckable = lines.filter(([name]) => name === "ERRSIG");
  const weak = uncheckable.find((line) => line[6] === ERROR_DIGEST_ALGORITHM);
  if (weak !== undefined) throw weakDigest(weak[1]);
  const unknown = uncheckable.find((line) => line[6] === ERROR_NO_PUBLIC_KEY);
  if (unknown !== undefined) throw unknownKey(unknown[7] !== undefined && unknown[7] !== "-" ? unknown[7] : unknown[1]);
  throw badSignature(uncheckable[0]?.[1]);
}

function parseStatusLines(output: string): StatusLine[] {
  const lines: StatusLine[] = [];
  for (const line of output.split("\n")) {
    const [keyword, ...fields] = line.replace(/^\[GNUPG:\] /, "").split(" ");
    if (line.startsWith("[GNUPG:] ") && keyword !== undefined) lines.push([keyword, ...fields]);
  }
  return lines;
}

function findGoodSignature(lines: readonly StatusLine[]): GoodSignature | undefined {
  const goodAt = lines.findIndex(([keyword]) => keyword === "GOODSIG");
  if (goodAt < 0) return undefined;

  const valid = lines.slice(goodAt).find(([keyword]) => keyword === "VALIDSIG");
  const [, fingerprint, , timestamp] = valid ?? [];
  if (fingerprint === undefined || timestamp === undefined) return undefined;
  return { fingerprint, primaryFingerprint: valid?.[10] ?? fingerprint, signedAt: new Date(Number(timestamp) * 1000) };
}

function badSignature(keyId: string | undefined): AppError {
  return new AppError({
    kind: "forbidden",
    code: "SIGNATURE_BAD",
    message: `the signature${keyId === undefined ? "" : ` by key ${keyId}`} does not fit the text: it was changed after it was signed, or damaged`,
    hint: "Sign the original file again and send it again",
    facts: { keyId },
  });
}

function unknownKey(keyId: string | undefined): AppError {
  return new AppError({
    kind: "forbidden",
    code: "SIGNATURE_KEY_UNKNOWN",
    message: `the signature is by key ${keyId ?? "(not named)"}, which is in no keyring of allowed uploaders`,
    hint: "Sign with a known key, or have an administrator add this key",
    facts: { keyId },
  });
}

function expiredKey(keyId: string | undefined): AppError {
  return new AppError({
    kind: "forbidden",
    code: "SIGNATURE_KEY_EXPIRED",
    message: `the signature is by key ${keyId}, which has expired`,
    hint: "Extend the key's life and have an administrator replace it in the keyring, or sign with another key",
    facts: { keyId },
  });
}

function revokedKey(keyId: string | undefined): AppError {
  return new AppError({
    kind: "forbidden",
    code: "SIGNATURE_KEY_REVOKED",
    message: `the signature is by key ${keyId}, which was revoked by its owner`,
    hint: "Sign with another key",
    facts: { keyId },
  });
}

function expiredSignature(keyId: string | undefined): AppError {
  return new AppError({
    kind: "forbidden",
    code: "SIGNATURE_EXPIRED",
    message: `the signature by key ${keyId} was made for a limited time, which is over`,
    hint: "Sign again, without an expiry date of the signature",
    facts: { keyId },
  });
}

function weakDigest(keyId: string | undefined): AppError {
  return new AppError({
    kind: "forbidden",
    code: "SIGNATURE_DIGEST_WEAK",
    message: `the signature by key ${keyId} uses a digest that is no longer safe (MD5, SHA-1 or RIPEMD-160)`,
    hint: "Sign with SHA-256 or SHA-512: in gpg.conf, digest-algo SHA512",
    facts: { keyId },
  });
}
