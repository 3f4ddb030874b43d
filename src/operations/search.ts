import { z } from "zod";
import { defineOperation } from "./operation.ts";
import { integer, optionalText, requiredText } from "./parameter.ts";

const found = z.object({
  /** Paths below /repositories/. */
  repositories: z.array(z.string()),
  /** Build logs, below /static/builds/. */
  builds: z.array(z.string()),
  /** Uploads: source/version/timecode. */
  events: z.array(z.string()),
});

export const search = defineOperation({
  name: "search",
  summary: "Find source packages by a part of their names, with their files, builds and events",
  access: "none",
  parameters: {
    pattern: requiredText("part of a name; * and ? stand for others", { positional: true }),
    after: optionalText("Only names after this one", { short: "a" }),
    limit: integer("At most that many source packages", { short: "n", default: 100, min: 1, max: 100 }),
  },
  result: z.record(z.string(), found),
  nextPage: (result, { limit }) => {
    const names = Object.keys(result);
    return names.length === limit ? { after: names.at(-1) ?? "" } : undefined;
  },
  example: { pattern: "hello" },
});
