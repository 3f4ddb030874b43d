import { z } from "zod";
import { migrationProblemView, migrationSelection } from "./migrate.ts";
import { defineOperation } from "./operation.ts";

const packageView = z.object({ name: z.string(), version: z.string(), architecture: z.string() });

const brokenPackageView = packageView.extend({
  source: z.string(),
  /** With the chain of dependencies that leads there. */
  reasons: z.array(z.string()),
  /** It comes with the migration itself. */
  is_coming: z.boolean(),
  /** A newer version of its source package, which stays behind. */
  waiting_version: z.string().nullable(),
});

const hopView = z.object({
  from: z.string(),
  to: z.string(),
  /** The newest version there now. */
  replaces: z.string().nullable(),
  comes: z.array(packageView),
  /** Versions of the source package that leave, with their binary packages; newer ones only when forced. */
  goes: z.array(z.string()),
  breaks: z.array(brokenPackageView),
  checked_architectures: z.array(z.string()),
});
export type MigrationHopView = z.infer<typeof hopView>;

export const migrationPreview = defineOperation({
  name: "migration_preview",
  summary: "Show what a migration would bring, take away and break",
  // Judging it takes a processor for seconds.
  access: "staff",
  parameters: migrationSelection,
  result: z.object({
    source: z.string(),
    version: z.string(),
    hops: z.array(hopView),
    /** Empty: it would happen. */
    problems: z.array(migrationProblemView),
  }),
  example: { source: "hello", distribution: "bookworm-test-unstable" },
});
