import { z } from "zod";
import { defineOperation } from "./operation.ts";
import { flag, integer, list, optionalText } from "./parameter.ts";

export const debmirror = defineOperation({
  name: "debmirror",
  summary: "Make or update a partial mirror of repositories, with Debian's debmirror",
  access: "admin",
  changesState: true,
  mayTakeLong: true,
  parameters: {
    destination: optionalText("directory, below HOME/debmirror or one that the configuration allows", { short: "D" }),
    repositories: list("Only these repositories", { short: "R" }),
    codenames: list("Only these codenames", { short: "c" }),
    suites: list("Only these suites", { short: "S" }),
    rollbacks: integer("Also that many rollback distributions of each", { short: "r", default: 0, min: 0, max: 100 }),
    architectures: list("Only these architectures (default: those that are built)", { short: "A" }),
    components: list("Only these components", { short: "C" }),
    no_wait: flag("Answer at once; it goes on by itself, and debmirror_ls shows how far it is", { short: "N" }),
  },
  /** Empty, as the original's. */
  result: z.object({}),
});

export const debmirrorLs = defineOperation({
  name: "debmirror_ls",
  summary: "Show the mirrors of the last days: how far they are, and how they ended",
  access: "admin",
  parameters: {},
  result: z.object({
    mirrors: z.array(
      z.object({
        id: z.number(),
        destination: z.string(),
        state: z.enum(["waiting", "running", "done", "failed", "cancelled"]),
        by: z.string(),
        requested_at: z.string(),
        ended_at: z.string().nullable(),
        /** What it does just now. */
        progress: z.string().nullable(),
        /** Of its last attempt; one that waits is tried again. */
        problem: z.string().nullable(),
      }),
    ),
  }),
});
