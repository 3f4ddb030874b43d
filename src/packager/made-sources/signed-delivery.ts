import { join } from "node:path";
import { buildFileName, type Changes, isSourceOnly, parseChanges, sourceFileKind } from "../../formats/index.ts";
import { AppError, hashBytes, hashFile } from "../../runtime/index.ts";
import { OWN_CHANNEL } from "../own-channel.ts";
import type { PackagerContext } from "../packager-context.ts";
import type { IncomingDelivery } from "../upload-receiver.ts";
import type { GatheredSource } from "./gather-source.ts";
import type { MadeSource } from "./made-source.ts";

interface Packed {
  readonly made: MadeSource;
  readonly gathered: GatheredSource;
  readonly changesText: string;
  readonly path: string;
}

/** What came out of the testbed, as an upload of ours: looked at, then signed. Throws SOURCE_NOT_AS_ASKED (invalid). */
export async function signedDelivery(context: PackagerContext, packed: Packed): Promise<IncomingDelivery> {
  const { made, gathered, changesText, path } = packed;
  const changes = parseChanges(changesText);
  const problem = difference(made, changes) ?? changedOriginals(gathered, changes);
  if (problem !== undefined) throw notAsAsked(made, problem);

  const files = [];
  for (const { name, sizeBytes, sha256 } of changes.files) {
    const filePath = join(path, name);
    const stored = await hashFile(filePath);
    if (stored.sizeBytes !== sizeBytes || stored.sha256 !== sha256) throw notAsAsked(made, `${name} is not what is listed`);
    files.push({ name, sizeBytes, sha256, quarantinePath: filePath });
  }
  const changesBytes = await context.own.clearsign(changesText);
  return {
    changesName: buildFileName(changes.source, changes.version, "_source.changes"),
    changesBytes,
    changesSha256: hashBytes(changesBytes).sha256,
    files,
    channel: OWN_CHANNEL,
    peer: made.askedBy.slice(0, 200),
  };
}

/** We sign that it is this source for this distribution, and nothing else that its files may say. */
function difference(made: MadeSource, changes: Changes): string | undefined {
  if (changes.source !== made.source) return `it is of source ${changes.source}`;
  if (changes.version !== made.version || changes.sourceVersion !== made.version) return `its version is ${changes.version}`;
  if (changes.distribution !== made.distribution) return `it is for ${changes.distribution}`;
  return isSourceOnly(changes) ? undefined : `it is for ${changes.architectures.join(" ")}`;
}

/** Only the changelog changes: upstream's tarballs and their signatures are byte for byte those of the port's source. */
function changedOriginals(gathered: GatheredSource, changes: Changes): string | undefined {
  if (gathered.kind === "tree") return undefined;

  const isOriginal = (name: string): boolean =>
    /\.orig(?:-[A-Za-z0-9-]+)?\.tar\./.test(name) && sourceFileKind(name) !== undefined;
  const before = gathered.dsc.files.filter(({ name }) => isOriginal(name));
  for (const { name, sha256 } of before) {
    const after = changes.files.find((file) => file.name === name);
    // Old releases' dpkg-source knows no signatures of tarballs, and leaves them out.
    if (after === undefined && name.endsWith(".asc")) continue;
    if (after?.sha256 !== sha256) return `its ${name} is not that of the source`;
  }
  const added = changes.files.find(({ name }) => isOriginal(name) && !before.some((file) => file.name === name));
  return added === undefined ? undefined : `${added.name} is not in the source`;
}

function notAsAsked({ source, version, distribution }: MadeSource, why: string): AppError {
  return new AppError({
    kind: "invalid",
    code: "SOURCE_NOT_AS_ASKED",
    message: `what was made as ${source} ${version} for ${distribution} is something else: ${why}`,
    hint: "Look at the source's debian/changelog, debian/control and debian/source",
  });
}
