import { notYetOperations } from "../operations/index.ts";
import { AppError } from "../runtime/index.ts";
import { type Implementation, implement } from "./implementation.ts";

export const notYetHandlers: readonly Implementation[] = notYetOperations.map((operation) =>
  implement(operation, () => {
    throw new AppError({
      kind: "conflict",
      code: "NOT_AVAILABLE_YET",
      message: `'${operation.name}' is not available yet`,
      hint: "docs/reference/api.md lists the calls of the original that are",
    });
  }),
);
