import { binNmuNumber, findIdentity, findNewestSource, listBinaries, type SourceInDistribution } from "../archive/index.ts";
import type { DistributionTarget } from "../catalog/index.ts";
import { type Changes, compareVersions } from "../formats/index.ts";
import { checkVersionPolicy, type Problem } from "../rules/index.ts";
import type { Reader } from "./packager-context.ts";

interface VersionQuestion {
  readonly changes: Pick<Changes, "source" | "version" | "sourceVersion">;
  readonly target: DistributionTarget;
  /** Undefined when the upload has no source. */
  readonly dscSha256: string | undefined;
}

/** The version fits the suite, is new to the repository, and higher than what the distribution has. */
export async function checkVersion(db: Reader, question: VersionQuestion): Promise<Problem[]> {
  const { changes, target } = question;
  const policy = checkVersionPolicy({
    layout: target.layout,
    suite: target.suite,
    repositoryId: target.repositoryId,
    codeversion: target.codeversion,
    version: changes.version,
  });
  const known = await checkIdentity(db, question);
  const order = known.length > 0 ? [] : await checkVersionOrder(db, question);
  return [...(policy === undefined ? [] : [policy]), ...known, ...order];
}

/** A version once installed never comes back, also after its removal. */
async function checkIdentity(db: Reader, { changes, target, dscSha256 }: VersionQuestion): Promise<Problem[]> {
  const identity = { kind: "source", name: changes.source, version: changes.sourceVersion, architecture: "" } as const;
  const installed = await findIdentity(db, target.repositoryId, identity);
  if (installed === undefined) return [];

  const name = `${changes.source} ${changes.sourceVersion}`;
  const content =
    installed === dscSha256
      ? "with this very content"
      : `with other content: .dsc SHA-256 ${installed} then, ${dscSha256 ?? "none"} now`;
  return [
    {
      code: "VERSION_KNOWN",
      message: `${name} was installed in repository ${target.repositoryId} before, ${content}`,
      hint: "A version stands for one content, for ever: use a higher one",
    },
  ];
}

/** apt takes the highest version: one that is not higher than what is there would never be seen. */
export async function checkVersionOrder(
  db: Reader,
  { changes, target }: Pick<VersionQuestion, "changes" | "target">,
): Promise<Problem[]> {
  const newest = await findNewestSource(db, changes.source, target.name);
  if (newest === undefined) return [];

  const order = compareVersions(changes.version, newest.version);
  if (order > 0) return checkAboveBinNmus(db, { changes, target }, newest);
  return [
    {
      code: order === 0 ? "VERSION_EQUAL" : "VERSION_NOT_HIGHER",
      message:
        order === 0
          ? `version ${changes.version} is equal to ${newest.version} in ${target.name}, as dpkg compares versions`
          : `version ${changes.version} is lower than ${newest.version} in ${target.name}`,
      hint: `Use a version higher than ${newest.version}`,
    },
  ];
}

/** 1.0-1+a is higher than 1.0-1, and lower than the 1.0-1+b1 that machines may have. */
async function checkAboveBinNmus(
  db: Reader,
  { changes, target }: Pick<VersionQuestion, "changes" | "target">,
  newest: SourceInDistribution,
): Promise<Problem[]> {
  const binaries = await listBinaries(db, target.name, newest);
  const rebuilt = binaries.find(
    ({ version }) =>
      binNmuNumber(version) > 0 && version.startsWith(`${newest.version}+b`) && compareVersions(changes.version, version) <= 0,
  );
  if (rebuilt === undefined) return [];
  return [
    {
      code: "VERSION_NOT_HIGHER",
      message: `version ${changes.version} is not higher than ${rebuilt.name} ${rebuilt.version}, rebuilt in ${target.name}`,
      hint: `Use a version higher than ${rebuilt.version}`,
    },
  ];
}
