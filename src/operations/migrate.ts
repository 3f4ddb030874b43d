import { z } from "zod";
import { defineOperation } from "./operation.ts";
import { flag, optionalText, requiredText } from "./parameter.ts";

/** Arguments that `migrate` and `migration_preview` share. */
export const migrationSelection = {
  source: requiredText("source package name", { positional: true }),
  distribution: requiredText("distribution it is in now", { positional: true }),
  full: flag("On to the last suite, not only to the next", { short: "F" }),
  version: optionalText("This version; default: the newest there", { short: "V" }),
};

/** A reason against a migration. */
export const migrationProblemView = z.object({
  code: z.string(),
  /** The target. */
  distribution: z.string(),
  message: z.string(),
  hint: z.string().optional(),
});

export const migrate = defineOperation({
  name: "migrate",
  summary: "Copy a source package, with its binary packages, to the next suite",
  access: "staff",
  changesState: true,
  repositoryRight: { right: "migrate", distributions: ["distribution"] },
  parameters: {
    ...migrationSelection,
    force: flag("Override what speaks against it; it is recorded what that was", { short: "f" }),
  },
  result: z.object({
    source: z.string(),
    version: z.string(),
    migrated: z.array(z.object({ from: z.string(), to: z.string() })),
    overridden: z.array(migrationProblemView),
  }),
  example: { source: "hello", distribution: "bookworm-test-unstable" },
});
