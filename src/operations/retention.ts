import { z } from "zod";
import { defineOperation } from "./operation.ts";

const retentionResult = z.object({
  applied: z.boolean(),
  /** Older versions that leave their distribution; they stay in its history. */
  leaving: z.array(z.object({ distribution: z.string(), source: z.string(), version: z.string() })),
  /** History that ends: it begins at `before` then. */
  forgotten: z.array(
    z.object({ distribution: z.string(), before: z.string(), generations: z.number(), memberships: z.number() }),
  ),
  source_packages: z.number(),
  binary_packages: z.number(),
  files: z.number(),
  freed_bytes: z.number(),
});
export type RetentionView = z.infer<typeof retentionResult>;

export const retentionPreview = defineOperation({
  name: "retention_preview",
  summary: "Show which versions, history and files retention would take away now, and how much space that frees",
  access: "admin",
  parameters: {},
  result: retentionResult,
});

export const retentionApply = defineOperation({
  name: "retention_apply",
  summary: "Take away what suites and history keep no longer, and what nothing refers to",
  access: "admin",
  changesState: true,
  parameters: {},
  result: retentionResult,
});
