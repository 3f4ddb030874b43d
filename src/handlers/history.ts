import type { PointInHistory, RetentionReport } from "../archive/index.ts";
import {
  type RetentionView,
  retentionApply,
  retentionPreview,
  snapshotCreate,
  snapshotDelete,
  snapshotDiff,
  snapshotLs,
} from "../operations/index.ts";
import { implement } from "./implementation.ts";

export const handleSnapshotLs = implement(snapshotLs, async (ctx, { distribution }) =>
  (await ctx.history.listSnapshots(distribution)).map(({ name }) => name),
);

export const handleSnapshotCreate = implement(snapshotCreate, async (ctx, id, caller) => {
  await ctx.history.createSnapshot(id, caller.name);
  return {};
});

export const handleSnapshotDelete = implement(snapshotDelete, async (ctx, id, caller) => {
  await ctx.history.deleteSnapshot(id, caller.name);
  return {};
});

export const handleSnapshotDiff = implement(snapshotDiff, async (ctx, { distribution, from, to = "now" }) => {
  const found = await ctx.history.compare(distribution, { from, to });
  return {
    distribution,
    from: pointView(found.from),
    to: pointView(found.to),
    differences: found.differences.map((difference) => ({
      ...difference,
      from: difference.from ?? null,
      to: difference.to ?? null,
    })),
  };
});

export const handleRetentionPreview = implement(retentionPreview, async (ctx) =>
  retentionView(await ctx.history.previewRetention(), false),
);

export const handleRetentionApply = implement(retentionApply, async (ctx) =>
  retentionView(await ctx.history.applyRetention(), true),
);

function pointView({ point, date }: PointInHistory): { point: string; date: string } {
  return { point, date: date.toISOString() };
}

function retentionView(report: RetentionReport, applied: boolean): RetentionView {
  return {
    applied,
    leaving: report.leaving.map((version) => ({ ...version })),
    forgotten: report.forgotten.map((forgotten) => ({ ...forgotten, before: forgotten.before.toISOString() })),
    source_packages: report.sourcePackages,
    binary_packages: report.binaryPackages,
    files: report.files,
    freed_bytes: report.freedBytes,
  };
}
