import { z } from "zod";
import { defineOperation, type Operation } from "./operation.ts";
import { list, optionalText, requiredText } from "./parameter.ts";

/** As the original's calls: nothing to tell. */
const nothing = z.object({});

export const start = defineOperation({
  name: "start",
  summary: "Build again after stop",
  access: "admin",
  changesState: true,
  parameters: {},
  result: nothing,
});

export const stop = defineOperation({
  name: "stop",
  summary: "Build nothing until start, or the next start of the program; running builds go back to the queue",
  access: "admin",
  changesState: true,
  parameters: {},
  result: nothing,
});

export const cronjob = defineOperation({
  name: "cronjob",
  summary: "Do a piece of periodic work now",
  access: "admin",
  changesState: true,
  parameters: { id: requiredText("name of the work; cronjob_ls shows them", { positional: true }) },
  result: nothing,
  example: { id: "purge-jobs" },
});

export const cronjobLs = defineOperation({
  name: "cronjob_ls",
  summary: "Show the periodic work, and when it is done next",
  access: "none",
  parameters: {},
  result: z.object({ cronjobs: z.array(z.object({ id: z.string(), interval_ms: z.number(), next_run_at: z.string() })) }),
});

export const remakeChroots = defineOperation({
  name: "remake_chroots",
  summary: "Make the base layers of testbeds anew; running builds keep theirs",
  access: "admin",
  changesState: true,
  mayTakeLong: true,
  parameters: {
    keys: list("codename:architecture, as status shows them; default: all"),
    chroots_backend: optionalText("of the original; there is one kind of testbed here: ignored", { short: "C" }),
  },
  /** Success, or why not. */
  result: z.record(z.string(), z.string()),
  example: { keys: "trixie:amd64" },
});

export const reindex = defineOperation({
  name: "reindex",
  summary: "Publish distributions anew",
  access: "admin",
  changesState: true,
  parameters: { repositories: list("Only these repositories", { short: "R" }) },
  result: nothing,
  example: { repositories: "test" },
});

/** In the order that help shows them. */
export const engineOperations: readonly Operation[] = [start, stop, cronjobLs, cronjob, remakeChroots, reindex];
