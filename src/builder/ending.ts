import type { BuildStatus, BuildStep, FailureClass, MissingDependencies } from "../buildorder/index.ts";
import { AppError, errorChain } from "../runtime/index.ts";

/** As Node and as the tools say it. */
const NO_SPACE = /ENOSPC|EDQUOT|No space left on device|Disk quota exceeded/;

/** Thrown inside the builder when a build cannot go on; never leaves it. */
export class BuildEnding extends Error {
  override readonly name = "BuildEnding";
  readonly status: Exclude<BuildStatus, "built">;
  /** When "dependencies-missing". */
  readonly missing: MissingDependencies | undefined;

  /** Undefined when nothing failed: it was skipped or cancelled. */
  readonly failureClass: FailureClass | undefined;

  constructor(status: Exclude<BuildStatus, "built">, reason: string, options?: EndingOptions) {
    super(reason, options);
    this.status = status;
    this.missing = options?.missing;
    this.failureClass = options?.failureClass ?? DEFAULT_CLASSES[status];
  }
}

type EndingOptions = ErrorOptions & { missing?: MissingDependencies; failureClass?: FailureClass };

const DEFAULT_CLASSES: Readonly<Partial<Record<BuildStatus, FailureClass>>> = {
  "package-failed": "build",
  "environment-failed": "ours",
  "dependencies-missing": "dependencies",
};

export function packageFailed(reason: string, failureClass: FailureClass = "build"): BuildEnding {
  return new BuildEnding("package-failed", reason, { failureClass });
}

export function environmentFailed(reason: string, failureClass: FailureClass = "ours"): BuildEnding {
  return new BuildEnding("environment-failed", reason, { failureClass });
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
  if (thrown instanceof AppError && thrown.kind === "invalid") {
    const failureClass = thrown.code.startsWith("BUILD_DEPENDS_") ? "dependencies" : "source";
    return new BuildEnding("package-failed", thrown.message, { cause: thrown, failureClass });
  }
  if (thrown instanceof AppError && thrown.kind !== "bug")
    return new BuildEnding("environment-failed", thrown.message, { cause: thrown, failureClass: classOf(thrown) });

  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const failureClass = classOf(thrown);
  return new BuildEnding("environment-failed", `the builder failed in step ${step}: ${message}`, { cause: thrown, failureClass });
}

/** What the world did to us passes by itself; what is ours may not. */
function classOf(error: unknown): FailureClass {
  if (error instanceof AppError && error.code === "MIRROR_UNAVAILABLE") return "mirror";
  return errorChain(error).some((message) => NO_SPACE.test(message)) ? "disk" : "ours";
}
