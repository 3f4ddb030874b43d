import { z } from "zod";
import { defineOperation } from "./operation.ts";
import { flag, integer, list, optionalText } from "./parameter.ts";

export const sourcesList = defineOperation({
  name: "sources_list",
  summary: "Show APT sources for this instance's distributions",
  access: "none",
  parameters: {
    codenames: list("Only these codenames", { short: "C" }),
    repositories: list("Only these repositories", { short: "R" }),
    suites: list("Only these suites", { short: "S" }),
    types: list("APT source types: deb, deb-src (default: deb)", { short: "T" }),
    options: optionalText("APT source options, as in signed-by=/usr/share/keyrings/x.gpg", { short: "O" }),
    rollbacks: integer("Also that many rollback distributions of each", { short: "r", default: 0, min: 0, max: 100 }),
    snapshot: optionalText("Show the snapshot of this name", { short: "P" }),
    mirror: optionalText("Base URL instead of this instance's own", { short: "M" }),
    with_extra: flag("Also the extra archive sources builds see", { short: "X" }),
    with_comment: flag("With a comment line above each", { short: "D" }),
    deb822: flag("As stanzas of a .sources file, with the key in it", { short: "8" }),
  },
  result: z.string(),
  example: { codenames: "trixie", suites: "unstable" },
});
