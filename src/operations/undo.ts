import { z } from "zod";
import { defineOperation } from "./operation.ts";
import { requiredText } from "./parameter.ts";

const undoneSource = z.object({ source: z.string(), version: z.string() });

export const undo = defineOperation({
  name: "undo",
  summary: "Put a distribution back to what it held before the last change of its packages; once more brings that back",
  access: "admin",
  changesState: true,
  repositoryRight: { right: "manage", distributions: ["distribution"] },
  parameters: { distribution: requiredText("distribution", { positional: true }) },
  result: z.object({ distribution: z.string(), entered: z.array(undoneSource), left: z.array(undoneSource) }),
  example: { distribution: "bookworm-test-unstable" },
});
