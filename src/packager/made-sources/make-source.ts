import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { AppError, assert } from "../../runtime/index.ts";
import type { PackagerContext } from "../packager-context.ts";
import { UploadReceiver } from "../upload-receiver.ts";
import { gatherSource } from "./gather-source.ts";
import { advanceMadeSource, loadMadeSource, type MadeSource } from "./made-source.ts";
import { requireWorkshop } from "./open-workshop.ts";
import { packSource } from "./pack-source.ts";
import { signedDelivery } from "./signed-delivery.ts";

/**
 * Job: make a source package and take it in as an upload of our own. Safe to run twice: what it makes is thrown away
 * unless the row, the upload and the upload's job are written in one transaction.
 */
export async function makeSource(context: PackagerContext, madeSourceId: number, signal: AbortSignal): Promise<void> {
  const made = await loadMadeSource(context.database.read, madeSourceId);
  if (made.state !== "waiting") return;

  try {
    await makeAndReceive(context, made, signal);
  } catch (error) {
    // The source's own fault, or the world is not any more as it was when this was asked for.
    if (!(error instanceof AppError) || !["invalid", "conflict", "not-found", "forbidden"].includes(error.kind)) throw error;
    signal.throwIfAborted();
    const { code, message, hint } = error;
    await context.database.transaction((tx) => advanceMadeSource(tx, made, { type: "failed", problem: { code, message, hint } }));
    context.logger.info("source not made", { source: made.source, version: made.version, code });
  }
}

async function makeAndReceive(context: PackagerContext, made: MadeSource, signal: AbortSignal): Promise<void> {
  const target = context.catalog().findDistribution(made.distribution);
  if (target === undefined) throw distributionGone(made);

  const scratchPath = scratchDirectory(context, made.id);
  await rm(scratchPath, { recursive: true, force: true });
  const places = { inPath: join(scratchPath, "in"), outPath: join(scratchPath, "out") };
  await mkdir(places.inPath, { recursive: true });
  await mkdir(places.outPath);
  try {
    const gathered = await gatherSource(context, { made, target, path: places.inPath, signal });
    const workshop = await requireWorkshop(context)(target.codename, signal);
    try {
      const changesText = await packSource(context, { made, gathered, workshop, ...places, signal });
      const delivery = await signedDelivery(context, { made, gathered, changesText, path: places.outPath });
      await receive(context, made, delivery);
    } finally {
      await workshop.close();
    }
  } finally {
    await rm(scratchPath, { recursive: true, force: true });
  }
}

async function receive(
  context: PackagerContext,
  made: MadeSource,
  delivery: Awaited<ReturnType<typeof signedDelivery>>,
): Promise<void> {
  const receiver = new UploadReceiver(context);
  await receiver.stageUpload(delivery);
  await context.database.transaction(async (tx) => {
    const { state } = await loadMadeSource(tx, made.id);
    if (state !== "waiting") return;
    const { uploadId } = await receiver.receiveUpload(tx, delivery);
    const isNews = await advanceMadeSource(tx, made, { type: "made", uploadId });
    assert(isNews, `made source ${made.id} was made twice`);
  });
  context.logger.info("source made", { source: made.source, version: made.version, distribution: made.distribution });
}

/** Beside the uploads: files are linked from here to there. Emptied at each start. */
export function scratchDirectory({ farm }: Pick<PackagerContext, "farm">, id: number | undefined): string {
  return join(farm.buildsPath, ".making", ...(id === undefined ? [] : [String(id)]));
}

function distributionGone({ distribution }: MadeSource): AppError {
  return new AppError({
    kind: "conflict",
    code: "DISTRIBUTION_GONE",
    message: `distribution ${distribution} was removed from the catalog since this was asked for`,
    hint: "Ask for another distribution",
  });
}
