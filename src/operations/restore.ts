import { z } from "zod";
import { defineOperation } from "./operation.ts";
import { requiredText } from "./parameter.ts";

export const restore = defineOperation({
  name: "restore",
  summary: "Make an older version of a source package the newest of a distribution again; newer ones leave",
  access: "staff",
  changesState: true,
  repositoryRight: { right: "manage", distributions: ["distribution"] },
  parameters: {
    source: requiredText("source package name", { positional: true }),
    distribution: requiredText("distribution that keeps it, or had it", { positional: true }),
    version: requiredText("version to go back to", { positional: true }),
  },
  result: z.object({
    distribution: z.string(),
    source: z.string(),
    version: z.string(),
    /** Newer versions, which left. */
    left: z.array(z.string()),
  }),
  example: { source: "hello", distribution: "bookworm-test-unstable", version: "2.10-3~test12+1" },
});
