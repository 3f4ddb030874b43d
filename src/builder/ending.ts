import type { BuildStatus, BuildStep, MissingDependencies } from "../buildorder/index.ts";
import { AppError } from "../runtime/index.ts";

/** Thrown inside the builder when a build cannot go on; never leaves it. */
export class BuildEnding extends Error {
  override readonly name = "BuildEnding";
  readonly status: Exclude<BuildStatus, "built">;
  /** When "dependencies-missing". */
  readonly missing: MissingDependencies | undefined;

  constructor(status: Exclude<BuildStatus, "built">, reason: string, options?: ErrorOptions & { missing?: MissingDependencies }) {
    super(reason, options);
    this.status = status;
    this.missing = options?.missing;
  }
}

export function packageFailed(reason: string): BuildEnding {
  return new BuildEnding("package-failed", reason);
}

export function environmentFailed(reason: string): BuildEnding {
  return new BuildEnding("environment-failed", reason);
}

/** Not the package's fault: what it needs may come. */
function dependenciesMissing(error: AppError): BuildEnding {
  const missing = (error.facts["missing"] ?? { relations: [], isDeep: true }) as MissingDependencies;
  return new BuildEnding("dependencies-missing", error.message, { cause: error, missing });
}

/** Whatever was thrown in a step, as the end of the build. */
export function endingOf(thrown: unknown, step: BuildStep): BuildEnding {
  if (thrown instanceof BuildEnding) return thrown;
  if (thrown instanceof AppError && thrown.code === "BUILD_DEPENDS_UNSATISFIABLE") {
    // In other steps it is the tools that cannot be installed.
    return step === "prepare"
      ? dependenciesMissing(thrown)
      : new BuildEnding("environment-failed", thrown.message, { cause: thrown });
  }
  if (thrown instanceof AppError && thrown.kind === "invalid")
    return new BuildEnding("package-failed", thrown.message, { cause: thrown });
  if (thrown instanceof AppError && thrown.kind !== "bug")
    return new BuildEnding("environment-failed", thrown.message, { cause: thrown });

  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new BuildEnding("environment-failed", `the builder failed in step ${step}: ${message}`, { cause: thrown });
}
