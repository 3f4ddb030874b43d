import { z } from "zod";
import { defineOperation } from "./operation.ts";
import { flag } from "./parameter.ts";

const verificationView = z.object({
  state: z.enum(["never", "running", "done", "failed"]),
  repairing: z.boolean(),
  started_at: z.string().nullable(),
  ended_at: z.string().nullable(),
  files_done: z.number(),
  bytes_done: z.number(),
  /** Stored files; indexes come on top. */
  files_total: z.number(),
  finding_count: z.number(),
  repaired_count: z.number(),
  /** The first ones. */
  findings: z.array(
    z.object({
      kind: z.enum(["content", "place", "stray", "index"]),
      path: z.string(),
      fault: z.enum(["missing", "damaged", "not linked", "belongs to nothing"]),
      repaired: z.boolean(),
    }),
  ),
  problem: z.string().nullable(),
});
export type VerificationView = z.infer<typeof verificationView>;

export const archiveVerify = defineOperation({
  name: "archive_verify",
  summary: "Begin to read everything in pool and publications again, and to compare it with what is recorded",
  access: "admin",
  changesState: true,
  parameters: { repair: flag("Repair what can be repaired") },
  result: verificationView,
});

export const archiveVerifyStatus = defineOperation({
  name: "archive_verify_status",
  summary: "Show how far the verification of the archive is, or what the last one found",
  access: "admin",
  parameters: {},
  result: verificationView,
});
