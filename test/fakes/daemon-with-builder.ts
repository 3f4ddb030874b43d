/**
 * A process with a local builder (fake environment, fake sbuild) on an embedded database, which hangs as soon as it has
 * recorded the start of a step: to be killed there. Usage: daemon-with-builder.ts DATABASE_PATH BUILDS_PATH STEP
 */
import { openDatabase } from "../../src/database/index.ts";
import { type BuildRunner, LocalBuilder } from "../../src/farm/index.ts";
import { defaultLimits, silentLogger, systemClock } from "../../src/runtime/index.ts";
import { fakeBuildRunner } from "./build-environment.ts";

const [databasePath = "", buildsPath = "", heldStep = ""] = process.argv.slice(2);
const database = await openDatabase({ kind: "sqlite", path: databasePath }, { clock: systemClock, logger: silentLogger });

const runBuild: BuildRunner = (order, context) =>
  fakeBuildRunner()(order, {
    ...context,
    report: async (report) => {
      await context.report(report);
      if (report.step === heldStep && report.type === "started") await new Promise(() => {});
    },
  });

const farm = {
  database,
  clock: systemClock,
  logger: silentLogger,
  limits: { ...defaultLimits, diskReserveBytes: 0 },
  buildsPath,
};
await new LocalBuilder({ farm, runBuild, architectures: ["amd64"], parallelMax: 1 }).start();
// A step that never ends keeps no process alive by itself.
setInterval(() => {}, 60_000);
