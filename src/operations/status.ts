import { z } from "zod";
import { defineOperation } from "./operation.ts";
import { flag } from "./parameter.ts";

const suiteStatus = z.object({ uploadable: z.boolean(), experimental: z.boolean(), migrates_to: z.string().nullable() });

export const status = defineOperation({
  name: "status",
  summary: "Show what this instance is, where it is reached and how busy it is",
  access: "none",
  parameters: { with_repositories: flag("Also show repositories, their codenames and suites", { short: "R" }) },
  result: z.object({
    version: z.string(),
    identity: z.string(),
    url: z.string(),
    incoming_url: z.string(),
    /** Queued or running builds divided by parallel builds; negative: stopped. */
    load: z.number(),
    chroots: z.array(z.string()),
    remotes: z.array(z.string()),
    repositories: z
      .record(z.string(), z.object({ codenames: z.array(z.string()), layout: z.record(z.string(), suiteStatus) }))
      .optional(),
  }),
  example: { with_repositories: "True" },
});
