import { z } from "zod";
import { defineOperation } from "./operation.ts";
import { list } from "./parameter.ts";

export const aptPreferences = defineOperation({
  name: "apt_preferences",
  summary: "Show a file for /etc/apt/preferences.d that gives this instance's distributions their advised APT priorities",
  access: "none",
  parameters: {
    codenames: list("Only these codenames", { short: "C" }),
    repositories: list("Only these repositories", { short: "R" }),
    suites: list("Only these suites", { short: "S" }),
  },
  result: z.string(),
  example: { codenames: "bookworm" },
});
