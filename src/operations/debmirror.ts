import { z } from "zod";
import { defineOperation } from "./operation.ts";
import { integer, list, optionalText } from "./parameter.ts";

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
  },
  /** Empty, as the original's. */
  result: z.object({}),
});
