import { z } from "zod";
import { defineOperation } from "./operation.ts";

export const pubKey = defineOperation({
  name: "pub_key",
  summary: "Show the public key that signs this instance's repositories (ASCII armor)",
  access: "none",
  parameters: {},
  result: z.string(),
});
