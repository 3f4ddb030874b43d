import type { DistributionTarget } from "../catalog/index.ts";
import { type Changes, type Dsc, parseChanges } from "../formats/index.ts";
import { type ParsedUploadOptions, type Problem, parseUploadOptions } from "../rules/index.ts";
import { assert } from "../runtime/index.ts";
import { checkDistribution } from "./check-distribution.ts";
import { checkSignature } from "./check-signature.ts";
import { checkSource } from "./check-source.ts";
import { checkVersion } from "./check-version.ts";
import type { PackagerContext } from "./packager-context.ts";
import type { Upload } from "./upload.ts";

export interface AcceptedUpload {
  readonly type: "accepted";
  readonly upload: Upload;
  readonly changes: Changes;
  readonly target: DistributionTarget;
  readonly dsc: Dsc;
  readonly dscName: string;
  readonly options: ParsedUploadOptions["options"];
  /** Undefined: unsigned, or signed with a key that is not needed here. */
  readonly signerFingerprint: string | undefined;
  /** Repository id of a distribution by any of its names. */
  readonly repositoryOf: (distribution: string) => string | undefined;
}

export type Verdict = AcceptedUpload | { readonly type: "rejected"; readonly problems: readonly Problem[] };

/**
 * Everything that can be known before a build, all reasons at once. Only reads, but for one thing: tarballs that the
 * .dsc lists and the upload leaves out are linked from the pool beside the uploaded files.
 */
export async function judgeUpload(context: PackagerContext, upload: Upload): Promise<Verdict> {
  const catalog = context.catalog();
  const { target, problems: distributionProblems } = checkDistribution(catalog, upload.distribution);
  const signature = await checkSignature(upload, target);
  const changes = parseChanges(signature.verifiedText ?? upload.changesText, upload.changesName);
  assertSameUpload(upload, changes);

  const source = await checkSource(context, { upload, changes, target });
  const versionProblems =
    target === undefined ? [] : await checkVersion(context, { changes, target, dscSha256: source.dscSha256 });
  const options = parseUploadOptions(
    changes.changes,
    target?.architectures.map(({ name }) => name),
  );

  const problems = [...signature.problems, ...distributionProblems, ...versionProblems, ...source.problems, ...options.problems];
  if (problems.length > 0 || target === undefined || source.dsc === undefined) return { type: "rejected", problems };

  return {
    type: "accepted",
    upload,
    changes,
    target,
    dsc: source.dsc,
    dscName: source.dscName,
    options: options.options,
    signerFingerprint: signature.fingerprint,
    repositoryOf: (distribution) => catalog.findDistribution(distribution)?.repositoryId,
  };
}

/** Two readers of a clearsigned text, gpgv's and ours, must not see two different uploads. */
function assertSameUpload(upload: Upload, changes: Changes): void {
  const isSame =
    changes.source === upload.source && changes.version === upload.version && changes.distribution === upload.distribution;
  assert(isSame, `${upload.changesName}: what is signed is not what was received as ${upload.id}`);
}
