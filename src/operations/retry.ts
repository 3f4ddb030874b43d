import { z } from "zod";
import { defineOperation } from "./operation.ts";
import { requiredText } from "./parameter.ts";

export const retry = defineOperation({
  name: "retry",
  summary: "Build again what an upload failed for: one architecture, or all that were not built",
  access: "staff",
  changesState: true,
  repositoryRight: { right: "upload", upload: "bkey" },
  parameters: {
    bkey: requiredText("build key: source/version/timecode/architecture; without the architecture: the whole upload", {
      positional: true,
    }),
  },
  /** The name of the .changes. */
  result: z.string(),
  example: { bkey: "hello/2.10-3~test12+1/20261122:130513:909198/amd64" },
});
