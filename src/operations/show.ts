import { z } from "zod";
import { lsEntry, sourceSelection } from "./ls.ts";
import { defineOperation } from "./operation.ts";

const showEntry = lsEntry.extend({
  dsc_path: z.string(),
  changes_paths: z.array(z.string()),
  uploadable: z.boolean(),
  migrates_to: z.string().optional(),
  is_migrated: z.boolean().optional(),
});

export const show = defineOperation({
  name: "show",
  summary: "Like ls, with the files and whether each version has migrated",
  access: "none",
  parameters: sourceSelection,
  result: z.record(z.string(), z.record(z.string(), showEntry.extend({ rollbacks: z.record(z.string(), lsEntry) }))),
  example: { source: "hello" },
});
