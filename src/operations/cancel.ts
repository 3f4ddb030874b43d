import { z } from "zod";
import { defineOperation } from "./operation.ts";
import { requiredText } from "./parameter.ts";

export const cancel = defineOperation({
  name: "cancel",
  summary: "Stop a waiting or running build",
  access: "staff",
  changesState: true,
  repositoryRight: { right: "migrate", upload: "bkey" },
  parameters: { bkey: requiredText("build key: source/version/timecode/architecture", { positional: true }) },
  result: z.string(),
  example: { bkey: "hello/2.10-3~test12+1/20261122:130513:909198/amd64" },
});
