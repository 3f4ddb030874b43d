import { readdir, readFile, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { splitClearsigned } from "../formats/index.ts";
import { hashFile } from "../runtime/index.ts";
import type { DistributionSettings } from "./distribution-settings.ts";
import { loadDistribution } from "./distributions.ts";
import { requestPublication } from "./publication-state.ts";
import { findInForce } from "./publish.ts";
import { listSnapshots } from "./snapshot-state.ts";
import type { VerificationContext } from "./verification.ts";

/** The generation that readers see, and the named snapshots: what Release lists is what is there. */
export async function verifyIndexes(ctx: VerificationContext, settings: DistributionSettings): Promise<void> {
  const { name: distribution, repositoryId } = settings;
  const inForce = await findInForce(ctx.paths, settings);
  if (inForce !== undefined) {
    const basePath = ctx.paths.generations(repositoryId, distribution);
    const faults = await findFaults(ctx, join(basePath, inForce));
    // Another generation may have taken its place while we read.
    const isSeen = (await findInForce(ctx.paths, settings)) === inForce;
    if (faults.length > 0 && isSeen) await publishAgain(ctx, settings, { basePath, faults });
  }
  for (const snapshot of await listSnapshots(ctx.database.read, distribution)) {
    if (snapshot.state !== "kept") continue;
    const path = join(ctx.paths.namedSnapshot(repositoryId, distribution, snapshot.name), "indexes");
    const faults = await findFaults(ctx, path);
    if (faults.length > 0 && ctx.isRepairing) await ctx.writeSnapshotAgain(snapshot);
    for (const fault of faults) ctx.report({ kind: "index", ...fault, repaired: ctx.isRepairing });
  }
}

interface IndexFault {
  readonly path: string;
  readonly fault: "missing" | "damaged";
}

async function findFaults(ctx: VerificationContext, path: string): Promise<IndexFault[]> {
  const release = await readFile(join(path, "Release"), "utf8").catch(() => undefined);
  if (release === undefined) return [{ path: join(path, "Release"), fault: "missing" }];

  const faults: IndexFault[] = [];
  const inRelease = await readFile(join(path, "InRelease"), "utf8").catch(() => undefined);
  if (inRelease === undefined || signedText(inRelease) !== release.trimEnd()) {
    faults.push({ path: join(path, "InRelease"), fault: inRelease === undefined ? "missing" : "damaged" });
  }
  for (const listed of parseReleaseFiles(release)) {
    ctx.signal.throwIfAborted();
    // Uncompressed indexes are listed, and not on the disk.
    if (!/\.(gz|xz|zst)$/.test(listed.path)) continue;
    const filePath = join(path, listed.path);
    const stats = await stat(filePath).catch(() => undefined);
    const hashes = stats === undefined ? undefined : await hashFile(filePath);
    if (stats === undefined) faults.push({ path: filePath, fault: "missing" });
    else if (hashes?.sha256 !== listed.sha256) faults.push({ path: filePath, fault: "damaged" });
    ctx.progress.done(stats?.size ?? 0);
  }
  return faults;
}

function signedText(inRelease: string): string | undefined {
  try {
    return Buffer.from(splitClearsigned(Buffer.from(inRelease)).text)
      .toString("utf8")
      .trimEnd();
  } catch {
    return undefined;
  }
}

function parseReleaseFiles(release: string): { path: string; sha256: string }[] {
  const section = /^SHA256:\n((?: .*\n)*)/m.exec(release)?.[1] ?? "";
  return [...section.matchAll(/^ ([0-9a-f]{64}) \d+ (\S+)$/gm)].map(([, sha256 = "", path = ""]) => ({ sha256, path }));
}

/** A new generation with the same contents: damaged objects must not be taken for it, by none of their names. */
async function publishAgain(
  ctx: VerificationContext,
  { name: distribution }: DistributionSettings,
  { basePath, faults }: { readonly basePath: string; readonly faults: readonly IndexFault[] },
): Promise<void> {
  for (const fault of faults) ctx.report({ kind: "index", ...fault, repaired: ctx.isRepairing });
  if (!ctx.isRepairing) return;

  const directories = new Set(faults.map(({ path }) => relativeDirectory(basePath, path)));
  for (const directory of directories) await removeDamagedObjects(join(basePath, "by-hash", directory));
  await ctx.database.transaction(async (tx) => {
    const { change } = await loadDistribution(tx, distribution);
    await requestPublication(tx, distribution, change);
  });
}

/** "main/binary-amd64" of …/<generation>/main/binary-amd64/Packages.xz */
function relativeDirectory(basePath: string, path: string): string {
  return dirname(path)
    .slice(basePath.length + 1)
    .split("/")
    .slice(1)
    .join("/");
}

async function removeDamagedObjects(byHashPath: string): Promise<void> {
  for (const algorithm of ["SHA256", "SHA512"] as const) {
    const directory = join(byHashPath, algorithm);
    for (const name of await readdir(directory).catch((): string[] => [])) {
      const path = join(directory, name);
      const hashes = await hashFile(path).catch(() => undefined);
      const digest = algorithm === "SHA256" ? hashes?.sha256 : hashes?.sha512;
      if (digest !== basename(path)) await rm(path, { force: true });
    }
  }
}
