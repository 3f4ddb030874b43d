import { z } from "zod";
import { defineOperation } from "./operation.ts";
import { flag, optionalText, requiredList, requiredText } from "./parameter.ts";

/** What will be built, and where its source is. */
const portView = z.object({ dsc_url: z.string(), source: z.string(), distribution: z.string(), version: z.string() });
const portOptions = optionalText("upload options separated by | (default: lintian-mode=ignore)", { short: "O" });

export const port = defineOperation({
  name: "port",
  summary: "Build a source package again for other distributions, or for its own, with nothing changed but its version",
  access: "staff",
  changesState: true,
  repositoryRight: { right: "migrate", distributions: ["to_distributions"] },
  parameters: {
    source: requiredText("source package name", { positional: true }),
    from_distribution: requiredText("distribution it is in", { positional: true }),
    to_distributions: requiredList("distributions to build it for, comma-separated", { positional: true }),
    version: optionalText("version, when not the newest", { short: "V" }),
    options: portOptions,
  },
  result: z.array(portView),
  example: { source: "hello", from_distribution: "trixie-test-unstable", to_distributions: "bookworm-test-unstable" },
});

export const portExt = defineOperation({
  name: "port_ext",
  summary: "Build a source package of another archive, with nothing changed but its version",
  access: "staff",
  changesState: true,
  repositoryRight: { right: "migrate", distributions: ["distributions"] },
  parameters: {
    dsc: requiredText("URL of the .dsc", { positional: true }),
    distributions: requiredList("distributions to build it for, comma-separated", { positional: true }),
    allow_unauthenticated: flag("Also when nobody known has signed it", { short: "u" }),
    options: portOptions,
  },
  result: z.array(portView),
  example: { dsc: "http://archive.example.org/hello_2.10-3.dsc", distributions: "bookworm-test-unstable" },
});

/** The last event of each that was waited for; null: it is on its way. */
export const madeView = portView.extend({ event: z.string().nullable() });
