import { z } from "zod";
import { defineOperation } from "./operation.ts";
import { flag, list } from "./parameter.ts";
import { madeView } from "./ports.ts";

export const keyringPackages = defineOperation({
  name: "keyring_packages",
  summary: "Build packages with this instance's key and APT sources, and migrate them once they are installed",
  access: "admin",
  changesState: true,
  parameters: {
    distributions: list("Only for these distributions", { short: "D" }),
    without_migration: flag("Do not migrate them to the last suite", { short: "M" }),
  },
  result: z.array(madeView),
});
