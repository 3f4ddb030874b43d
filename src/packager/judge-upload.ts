import { isDeepStrictEqual } from "node:util";
import type { DistributionTarget } from "../catalog/index.ts";
import { type Changes, type Dsc, parseChanges } from "../formats/index.ts";
import { type ParsedUploadOptions, type Problem, parseUploadOptions } from "../rules/index.ts";
import { assert } from "../runtime/index.ts";
import { checkComponents } from "./check-components.ts";
import { checkDistribution } from "./check-distribution.ts";
import { checkSignature } from "./check-signature.ts";
import { checkSource } from "./check-source.ts";
import { checkVersion } from "./check-version.ts";
import type { PackagerContext } from "./packager-context.ts";
import type { Upload } from "./upload.ts";
import { isBinaryPackageName } from "./upload-paths.ts";

const PROBLEMS_MAX = 50;

export interface AcceptedUpload {
  readonly type: "accepted";
  readonly upload: Upload;
  readonly changes: Changes;
  readonly target: DistributionTarget;
  readonly dsc: Dsc;
  readonly dscName: string;
  readonly dscSha256: string | undefined;
  readonly options: ParsedUploadOptions["options"];
  /** Undefined: unsigned, or signed with a key that is not needed here. */
  readonly signerFingerprint: string | undefined;
  /** Binary packages that the uploader sent along: ours are built here. */
  readonly unusedFiles: readonly string[];
  /** Only the architectures' own packages are made, of a source that is in the archive. */
  readonly isBinNmu?: boolean | undefined;
}

export type Verdict = AcceptedUpload | { readonly type: "rejected"; readonly problems: readonly Problem[] };

/**
 * Everything that can be known before a build, all reasons at once. Only reads, but for one thing: tarballs that the
 * .dsc lists and the upload leaves out are linked from the pool beside the uploaded files.
 */
export async function judgeUpload(context: PackagerContext, upload: Upload): Promise<Verdict> {
  const catalog = context.catalog();
  const { target, problems: distributionProblems } = checkDistribution(catalog, upload.distribution);
  const signature = await checkSignature(upload, target, context);
  const changes = parseChanges(signature.verifiedText ?? upload.changesText, upload.changesName);
  assertSameUpload(upload, { signed: changes, received: parseChanges(upload.changesText, upload.changesName) });

  const source = await checkSource(context, { upload, changes, target });
  const versionProblems =
    target === undefined ? [] : await checkVersion(context.database.read, { changes, target, dscSha256: source.dscSha256 });
  const componentProblems = target === undefined ? [] : checkComponents(target, { changes, dsc: source.dsc });
  const options = parseUploadOptions(
    changes.changes,
    target?.architectures.map(({ name }) => name),
  );

  const problems = [
    ...signature.problems,
    ...distributionProblems,
    ...versionProblems,
    ...source.problems,
    ...componentProblems,
    ...options.problems,
  ];
  if (problems.length > 0 || target === undefined || source.dsc === undefined) {
    return { type: "rejected", problems: shortened(problems) };
  }

  return {
    type: "accepted",
    upload,
    changes,
    target,
    dsc: source.dsc,
    dscName: source.dscName,
    dscSha256: source.dscSha256,
    options: options.options,
    signerFingerprint: signature.fingerprint,
    unusedFiles: changes.files.map(({ name }) => name).filter(isBinaryPackageName),
  };
}

/** A .changes may list thousands of files, and each may be wrong. */
function shortened(problems: readonly Problem[]): readonly Problem[] {
  const [first, ...more] = problems.slice(PROBLEMS_MAX);
  if (first === undefined) return problems;
  return [...problems.slice(0, PROBLEMS_MAX), { code: first.code, message: `and ${more.length + 1} more reasons` }];
}

/**
 * Two readers of a clearsigned text, gpgv's and ours, must not see two different uploads: what is installed in the end
 * is read from the text as it was received.
 */
function assertSameUpload(upload: Upload, { signed, received }: { signed: Changes; received: Changes }): void {
  const fieldsOf = ({ stanza }: Changes) => [...stanza.fields.values()].map(({ name, value }) => [name, value]);
  const isSame =
    isDeepStrictEqual(fieldsOf(signed), fieldsOf(received)) &&
    signed.source === upload.source &&
    signed.version === upload.version &&
    signed.distribution === received.distribution;
  assert(isSame, `${upload.changesName}: what is signed is not what was received as ${upload.id}`);
}
