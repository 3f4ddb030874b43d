import { z } from "zod";
import { defineOperation } from "./operation.ts";
import { optionalText, requiredText } from "./parameter.ts";

export const debdiff = defineOperation({
  name: "debdiff",
  summary: "Compare two versions of a source package",
  access: "none",
  mayTakeLong: true,
  parameters: {
    source: requiredText("source package name", { positional: true }),
    repository: requiredText("repository id", { positional: true }),
    versiona: optionalText("older version (default: the one before the newer)", { short: "a" }),
    versionb: optionalText("newer version (default: the newest)", { short: "b" }),
  },
  result: z.string(),
  example: { source: "hello", repository: "test" },
});
