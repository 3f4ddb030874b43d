import { z } from "zod";
import { defineOperation } from "./operation.ts";
import { flag, optionalText, requiredText } from "./parameter.ts";

export const remove = defineOperation({
  name: "remove",
  summary: "Take a source package, with its binary packages, out of a distribution; a kept older version becomes the newest",
  access: "admin",
  changesState: true,
  repositoryRight: { right: "manage", distributions: ["distribution"] },
  parameters: {
    source: requiredText("source package name", { positional: true }),
    distribution: requiredText("distribution to take it out of", { positional: true }),
    without_rollback: flag("Take the older versions that are kept along"),
    version: optionalText("This version; default: the newest there", { short: "V" }),
  },
  result: z.object({
    distribution: z.string(),
    source: z.string(),
    /** That left, newest first. */
    versions: z.array(z.string()),
  }),
  example: { source: "hello", distribution: "bookworm-test-unstable" },
});
