import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { BUILD_STEPS } from "../../../src/buildorder/index.ts";
import { listEvents } from "../../../src/events/index.ts";
import { CONCLUDE_BUILDS_JOB, LocalBuilder, listBuilds, listBuiltFiles, sourceDirectory } from "../../../src/farm/index.ts";
import { fakeBuildRunner } from "../../fakes/build-environment.ts";
import { useDatabase } from "../../support/database.ts";
import { newBuild, openFarm, orderTestBuilds, type TestFarm, UPLOAD_ID, whenBuilds } from "../../support/farm.ts";
import { makeSource } from "../../support/packages.ts";

const testDatabase = useDatabase();
let farm: TestFarm;

beforeEach(async () => {
  farm = await openFarm(testDatabase);
});
afterEach(async () => farm.dispose());

/** A daemon that is killed when the build has come to this step. */
async function killDaemonAt(step: string): Promise<void> {
  const { location } = testDatabase;
  if (location.kind !== "sqlite") throw new Error("the embedded database only");
  const program = join(import.meta.dirname, "../../fakes/daemon-with-builder.ts");
  const daemon = spawn(process.execPath, [program, location.path, farm.buildsPath, step], { stdio: "inherit" });
  const hasExited = once(daemon, "exit");

  await vi.waitFor(
    async () => {
      const events = await listEvents(farm.database.read, { types: ["build-step"], limit: 1 });
      expect(events[0]?.data).toMatchObject({ step, type: "started" });
    },
    { timeout: 20_000 },
  );
  daemon.kill("SIGKILL");
  await hasExited;
}

test.each(BUILD_STEPS)("a daemon killed in step %s builds again when it is back, once", async (step) => {
  const directory = sourceDirectory(farm, UPLOAD_ID);
  await mkdir(directory, { recursive: true });
  const source = await makeSource(directory, { name: "foo", version: "1.0", architecture: "any" });
  const files = [source.dsc, ...source.files].map(({ name, sizeBytes, sha256 }) => ({ name, sizeBytes, sha256 }));
  // The process we kill has the system's clock; ours must not be behind it.
  testDatabase.clock.advance(Date.now() + 60_000 - testDatabase.clock.now().getTime());
  await orderTestBuilds(farm, [newBuild({ dscName: source.dsc.name, files })]);
  await farm.database.transaction(async (tx) => {
    await tx
      .updateTable("builds")
      .set({ not_before: new Date(0).toISOString() })
      .execute();
  });

  await killDaemonAt(step);
  const builder = new LocalBuilder({ farm, runBuild: fakeBuildRunner(), architectures: ["amd64"] });
  await builder.start();
  await whenBuilds(farm, async () => (await listBuilds(farm.database.read, UPLOAD_ID)).at(-1)?.state === "done");
  await builder.drain();

  const builds = await listBuilds(farm.database.read, UPLOAD_ID);
  expect(builds.map(({ state, result }) => `${state} ${result?.status}`)).toEqual(["lost undefined", "done built"]);
  expect(builds[0]?.steps.at(-1)).toMatchObject({ step, outcome: "lost" });
  const announced = await listEvents(farm.database.read, { types: ["BUILDING", "BUILT"], limit: 10 });
  expect(announced.map(({ type }) => type)).toEqual(["BUILT", "BUILDING"]);
  const jobs = await farm.database.read.selectFrom("jobs").select("kind").execute();
  expect(jobs).toEqual([{ kind: CONCLUDE_BUILDS_JOB }]);

  expect(await readdir(join(farm.buildsPath, UPLOAD_ID, "amd64"))).toEqual(["foo_1.0_amd64.buildlog.gz"]);
  const built = await listBuiltFiles(farm, farm.database.read, UPLOAD_ID);
  expect((await readdir(join(farm.buildsPath, UPLOAD_ID, "amd64~2"))).sort()).toEqual(
    ["foo_1.0_amd64.buildlog.gz", ...built.map(({ name }) => name)].sort(),
  );
});
