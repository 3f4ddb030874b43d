import { z } from "zod";
import { defineOperation } from "./operation.ts";
import { flag } from "./parameter.ts";

export const dputConf = defineOperation({
  name: "dput_conf",
  summary: "Show the dput configuration to upload to this instance",
  access: "none",
  parameters: {
    dput_ng_profile: flag("As a dput-ng profile (JSON) instead of a dput.cf section", { short: "N" }),
    without_global: flag("Without what the administrator put into etc/dput.cf, for all who upload here", { short: "G" }),
  },
  result: z.string(),
});
