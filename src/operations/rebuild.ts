import { z } from "zod";
import { defineOperation } from "./operation.ts";
import { list, optionalText, requiredText } from "./parameter.ts";

export const rebuild = defineOperation({
  name: "rebuild",
  summary: "Build a source package again where it is, with nothing changed: a binNMU, or where that cannot be a port",
  access: "staff",
  changesState: true,
  repositoryRight: { right: "migrate", distributions: ["distribution"] },
  parameters: {
    source: requiredText("source package name", { positional: true }),
    distribution: requiredText("distribution it is in", { positional: true }),
    version: optionalText("version, when not the newest", { short: "V" }),
    architectures: list("only these architectures, comma-separated (default: all it was built for)", { short: "A" }),
    reason: optionalText("why, for the changelog: one line", { short: "m" }),
  },
  result: z.object({
    /** binnmu: its architectures' own packages again, as +bN; port: the source with a new version. */
    method: z.enum(["binnmu", "port"]),
    source: z.string(),
    /** That is built again. */
    source_version: z.string(),
    /** That comes of it. */
    version: z.string(),
    distribution: z.string(),
    /** Of a port: empty, all. */
    architectures: z.array(z.string()),
    /** Of a port: null until its source is made. */
    upload: z.string().nullable(),
    /** Why it is a port, or what may go wrong. */
    notes: z.array(z.string()),
  }),
  example: { source: "hello", distribution: "trixie-test-unstable" },
});
