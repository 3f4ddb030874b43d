import { z } from "zod";
import { defineOperation } from "./operation.ts";
import { optionalText, requiredText } from "./parameter.ts";

const distribution = requiredText("distribution name", { positional: true });
const name = requiredText("snapshot name", { positional: true });
const example = { distribution: "bookworm-test-stable" };
const nothing = z.object({});

export const snapshotLs = defineOperation({
  name: "snapshot_ls",
  summary: "List the snapshots of a distribution",
  access: "none",
  parameters: { distribution },
  result: z.array(z.string()),
  example,
});

export const snapshotCreate = defineOperation({
  name: "snapshot_create",
  summary: "Keep what a distribution holds now, under a name that apt can use",
  access: "admin",
  changesState: true,
  repositoryRight: { right: "manage", distributions: ["distribution"] },
  parameters: { distribution, name },
  result: nothing,
  example: { ...example, name: "before-upgrade" },
});

export const snapshotDelete = defineOperation({
  name: "snapshot_delete",
  summary: "Delete a snapshot of a distribution",
  access: "admin",
  changesState: true,
  repositoryRight: { right: "manage", distributions: ["distribution"] },
  parameters: { distribution, name },
  result: nothing,
  example: { ...example, name: "before-upgrade" },
});

const POINTS = "a snapshot's name, an instant like 20261122T130513Z, or a day like 2026-11-22";

const packageDifferenceView = z.object({
  kind: z.enum(["added", "removed", "upgraded", "downgraded"]),
  name: z.string(),
  /** Of a binary package; "source" for a source package. */
  architecture: z.string(),
  from: z.string().nullable(),
  to: z.string().nullable(),
});
export type PackageDifferenceView = z.infer<typeof packageDifferenceView>;

const pointView = z.object({ point: z.string(), date: z.string() });

export const snapshotDiff = defineOperation({
  name: "snapshot_diff",
  summary: "Show what came, went, rose and fell in a distribution between two points of its history",
  access: "none",
  parameters: {
    distribution,
    from: requiredText(POINTS, { positional: true }),
    to: optionalText(`The same, or now (default): ${POINTS}`, { positional: true }),
  },
  result: z.object({
    distribution: z.string(),
    from: pointView,
    to: pointView,
    differences: z.array(packageDifferenceView),
  }),
  example: { ...example, from: "2026-11-22", to: "now" },
});
