import { z } from "zod";
import { defineOperation } from "./operation.ts";
import { list, optionalText, requiredText } from "./parameter.ts";

/** Arguments that `ls` and `show` share. */
export const sourceSelection = {
  source: requiredText("source package name", { positional: true }),
  repositories: list("Only these repositories", { short: "R" }),
  codenames: list("Only these codenames", { short: "C" }),
  version: optionalText("Only this version", { short: "V" }),
  min_version: optionalText("Only this version and later ones", { short: "M" }),
};

export const lsEntry = z.object({
  version: z.string(),
  /** Of its binary packages that were built again (binNMUs) the highest version; absent: none was. */
  rebuilt_version: z.string().optional(),
  component: z.string(),
  architecture: z.string(),
});
export type LsEntry = z.infer<typeof lsEntry>;

/** repository → distribution → what is there. */
export const ls = defineOperation({
  name: "ls",
  summary: "Show where a source package is and in which versions",
  access: "none",
  parameters: sourceSelection,
  result: z.record(z.string(), z.record(z.string(), lsEntry.extend({ rollbacks: z.record(z.string(), lsEntry) }))),
  example: { source: "hello" },
});
