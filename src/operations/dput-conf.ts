import { z } from "zod";
import { defineOperation } from "./operation.ts";
import { flag } from "./parameter.ts";

export const dputConf = defineOperation({
  name: "dput_conf",
  summary: "Show the dput configuration to upload to this instance",
  access: "none",
  parameters: { dput_ng_profile: flag("As a dput-ng profile (JSON) instead of a dput.cf section", { short: "N" }) },
  result: z.string(),
});
