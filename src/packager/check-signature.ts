import type { DistributionTarget } from "../catalog/index.ts";
import { verifyClearsigned } from "../keyring/index.ts";
import type { Problem } from "../rules/index.ts";
import { AppError } from "../runtime/index.ts";
import { OWN_CHANNEL } from "./own-channel.ts";
import type { PackagerContext } from "./packager-context.ts";
import type { Upload } from "./upload.ts";

export interface SignatureFinding {
  /** Of the primary key, when a known key signed. */
  readonly fingerprint: string | undefined;
  /** What the signature covers, when there is a good one: to be read instead of the file. */
  readonly verifiedText: string | undefined;
  readonly problems: readonly Problem[];
}

/** What a repository that takes unsigned uploads does not mind: it would take the same without the signature. */
const FORGIVEN_WHEN_UNSIGNED: readonly string[] = ["SIGNATURE_MISSING", "SIGNATURE_KEY_UNKNOWN"];

/**
 * Who signed the .changes, and whether they may upload to this repository: the owners of keys in its keyrings, and the
 * users whose keys were approved for it. What this instance made itself has its own signature, and no other. A text that was tampered with, or a key that is expired or revoked, is refused
 * everywhere.
 */
export async function checkSignature(
  upload: Upload,
  target: DistributionTarget | undefined,
  { uploaderKeys, own }: Pick<PackagerContext, "uploaderKeys" | "own">,
): Promise<SignatureFinding> {
  const unverified = { fingerprint: undefined, verifiedText: undefined };
  if (target === undefined) return { ...unverified, problems: [] };

  try {
    const keyrings =
      upload.channel === OWN_CHANNEL
        ? [own.publicKey]
        : [...target.uploaderKeyringPaths, ...(await uploaderKeys(target.repositoryId))];
    const verified = await verifyClearsigned(Buffer.from(upload.changesText, "utf8"), keyrings);
    return { fingerprint: verified.primaryFingerprint, verifiedText: verified.text, problems: [] };
  } catch (error) {
    if (!(error instanceof AppError) || error.kind !== "forbidden") throw error;
    if (upload.channel !== OWN_CHANNEL && target.takesUnsigned && FORGIVEN_WHEN_UNSIGNED.includes(error.code))
      return { ...unverified, problems: [] };
    return { ...unverified, problems: [{ code: error.code, message: error.message, hint: error.hint }] };
  }
}
