import { z } from "zod";
import { defineOperation, pageBefore } from "./operation.ts";
import { integer, list, optionalInteger, optionalText } from "./parameter.ts";

/** One fact, as every interface of ours shows it. */
const eventView = z.object({
  id: z.int(),
  type: z.string(),
  /** ISO 8601, UTC. */
  timestamp: z.string(),
  distribution: z.string().nullable(),
  source: z.string().nullable(),
  version: z.string().nullable(),
  architecture: z.string().nullable(),
  upload: z.string().nullable(),
  build: z.string().nullable(),
  data: z.record(z.string(), z.unknown()),
});
export type EventView = z.infer<typeof eventView>;

export const events = defineOperation({
  name: "events",
  summary: "Show what happened, newest first",
  access: "none",
  parameters: {
    before: optionalInteger("Only events before this id"),
    after: optionalInteger("Only events after this id"),
    types: list("Only these types; default: those for people (PACKAGING, BUILDING, …); 'all' for every one", { short: "T" }),
    source: optionalText("Only events of this source package", { short: "s" }),
    upload: optionalText("Only events of this upload (source/version/timecode)", { short: "u" }),
    limit: integer("At most that many", { short: "n", default: 50, min: 1, max: 500 }),
  },
  result: z.object({ events: z.array(eventView) }),
  nextPage: ({ events: page }, { limit }) => pageBefore(page, limit),
  example: { limit: "10" },
});
