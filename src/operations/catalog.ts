import { z } from "zod";
import { defineOperation } from "./operation.ts";
import { flag } from "./parameter.ts";

const catalogChangeView = z.object({
  /** What for people: `+ distribution trixie-test-unstable`. */
  summary: z.string(),
  /** Packages that would no longer be served: needs with_loss. */
  loses_packages: z.boolean(),
});
export type CatalogChangeView = z.infer<typeof catalogChangeView>;

const catalogResult = z.object({ changes: z.array(catalogChangeView), applied: z.boolean() });

export const catalogPlan = defineOperation({
  name: "catalog_plan",
  summary: "Show what the edited etc/catalog.toml would change",
  access: "admin",
  parameters: {},
  result: catalogResult,
});

export const catalogApply = defineOperation({
  name: "catalog_apply",
  summary: "Put the edited etc/catalog.toml in force",
  access: "admin",
  changesState: true,
  parameters: { with_loss: flag("Also when packages are no longer served after it") },
  result: catalogResult,
});
