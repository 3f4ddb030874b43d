import type { BuildOrder, BuildResult, OrderFile } from "../buildorder/index.ts";
import { freeSpaceBytes, type Limits } from "../runtime/index.ts";
import type { BuildLog } from "./build-log.ts";
import { type BuiltFiles, deliverFiles } from "./deliver.ts";
import type { BuildScope, HeldTestbed, KeptAbout, TestbedSession } from "./environment.ts";
import { collectLeftProducts } from "./left-products.ts";
import { packTestOutput, type TestOutput } from "./pack-test-output.ts";
import { buildOptions } from "./sbuild-configuration.ts";
import type { BuildWorkspace } from "./workspace.ts";

export interface FailedBuild {
  readonly order: BuildOrder;
  readonly scope: BuildScope;
  readonly workspace: BuildWorkspace;
  readonly log: BuildLog;
  readonly held: HeldTestbed;
  /** What sbuild made, when checks failed. */
  readonly built: BuiltFiles | undefined;
  readonly outputDirectory: string;
  readonly limits: Pick<Limits, "diskReserveBytes" | "failedProductsSizeBytesMax">;
  readonly signal: AbortSignal;
  readonly jobs: number | undefined;
}

/**
 * For people who want to know why their package failed: what it made, to be downloaded, and its testbed, to be entered; the
 * log says so. Never throws: the build failed for another reason, and that one is told.
 */
export async function keepFailedBuild(failed: FailedBuild): Promise<Pick<BuildResult, "products" | "testbedKeptUntil">> {
  const { order, log, held, built, workspace, outputDirectory } = failed;
  let products: readonly OrderFile[] = [];
  try {
    if (built !== undefined) {
      await deliverFiles(built, workspace.resultPath, outputDirectory);
      products = built.files;
      products = [...built.files, ...(await takeTestOutput(failed))];
    }
    const kept = await held.keep(aboutBuild(failed), async (session) => {
      if (built === undefined) products = await takeLeft(failed, session);
    });
    if (kept !== undefined && "until" in kept) {
      log.line(
        `mini-buildd: to look around in its testbed, until ${kept.until.toISOString()}: mini-buildd debug-build ${order.buildId}`,
      );
      return { products, testbedKeptUntil: kept.until.toISOString() };
    }
    if (kept !== undefined) log.line(`mini-buildd: its testbed is not kept: ${kept.because}`);
  } catch (error) {
    log.line(`mini-buildd: what it left could not be kept: ${error instanceof Error ? error.message : String(error)}`);
  }
  return { products };
}

async function takeTestOutput(failed: FailedBuild): Promise<OrderFile[]> {
  const files = await packTestOutput(await takingOf(failed));
  await deliverFiles({ files }, failed.workspace.leftPath, failed.outputDirectory);
  return files;
}

async function takeLeft(failed: FailedBuild, session: TestbedSession): Promise<OrderFile[]> {
  const { workspace, outputDirectory, signal } = failed;
  // Nobody wants it any more: what is being copied ends with the session.
  const stop = (): void => void session.close();
  signal.addEventListener("abort", stop, { once: true });
  try {
    const files = await collectLeftProducts({ ...(await takingOf(failed)), session, directory: workspace.leftPath });
    await deliverFiles({ files }, workspace.leftPath, outputDirectory);
    return files;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** Neither more than the limit, nor what the disk needs. */
async function takingOf({ order, workspace, log, outputDirectory, limits, signal }: FailedBuild): Promise<TestOutput> {
  const room = (await freeSpaceBytes(outputDirectory)) - limits.diskReserveBytes;
  const sizeBytesMax = Math.min(limits.failedProductsSizeBytesMax, room);
  return { order, workspace, sizeBytesMax, signal, tell: (line) => log.line(`mini-buildd: ${line}`) };
}

/** As sbuild has run it. */
function aboutBuild({ order, scope, jobs }: FailedBuild): KeptAbout {
  const kind = scope.any && scope.all ? "--build=binary" : scope.any ? "--build=any" : "--build=all";
  const options = buildOptions(order, jobs).join(" ");
  const profiles = order.debBuildProfiles.join(" ");
  return {
    command: `dpkg-buildpackage --no-sign ${kind}`,
    environment: {
      ...(options === "" ? {} : { DEB_BUILD_OPTIONS: options }),
      ...(profiles === "" ? {} : { DEB_BUILD_PROFILES: profiles }),
    },
  };
}
