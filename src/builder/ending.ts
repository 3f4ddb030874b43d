import type { BuildStatus, BuildStep } from "../buildorder/index.ts";
import { AppError } from "../runtime/index.ts";

/** Thrown inside the builder when a build cannot go on; never leaves it. */
export class BuildEnding extends Error {
  override readonly name = "BuildEnding";
  readonly status: Exclude<BuildStatus, "built">;

  constructor(status: Exclude<BuildStatus, "built">, reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.status = status;
  }
}

export function packageFailed(reason: string): BuildEnding {
  return new BuildEnding("package-failed", reason);
}

export function environmentFailed(reason: string): BuildEnding {
  return new BuildEnding("environment-failed", reason);
}

/** Whatever was thrown in a step, as the end of the build. */
export function endingOf(thrown: unknown, step: BuildStep): BuildEnding {
  if (thrown instanceof BuildEnding) return thrown;
  if (thrown instanceof AppError && thrown.kind === "invalid")
    return new BuildEnding("package-failed", thrown.message, { cause: thrown });
  if (thrown instanceof AppError && thrown.kind !== "bug")
    return new BuildEnding("environment-failed", thrown.message, { cause: thrown });

  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new BuildEnding("environment-failed", `the builder failed in step ${step}: ${message}`, { cause: thrown });
}
