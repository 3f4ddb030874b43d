import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findPublication, formatInstant } from "../../src/archive/index.ts";
import { createDeliveryHandler } from "../../src/http/index.ts";
import { silentLogger, systemClock } from "../../src/runtime/index.ts";
import { Testbeds } from "../../src/testbed/index.ts";
import { distributionSettings, makeTestArchive, type TestArchive } from "../support/archive.ts";
import { type Judge, openJudge } from "../support/judges.ts";
import { makeDeb } from "../support/packages.ts";
import { type StaticServer, serveHandler } from "../support/static-server.ts";
import { layersDirectory } from "../support/testbeds.ts";

const STABLE = "bookworm-test-stable";

let scratchPath: string;
let site: TestArchive;
let server: StaticServer;
let testbeds: Testbeds;
let judge: Judge | undefined;

beforeAll(async () => {
  scratchPath = await mkdtemp(join(tmpdir(), "mbd-snapshot-"));
  site = await makeTestArchive();
  server = await serveHandler(
    createDeliveryHandler({
      repositoriesPath: join(site.homePath, "repositories"),
      findSnapshot: (request) => site.archive.timeSnapshots.find(request),
    }),
  );
  const snapshotsUri = `${server.url}/repositories/test/snapshot/@SNAPSHOTID@/`;
  await site.ensure(distributionSettings(STABLE, { components: ["main"], keep: 0, snapshotsUri }));
  testbeds = await Testbeds.open({ directory: layersDirectory(), clock: systemClock, logger: silentLogger });
});

afterAll(async () => {
  await judge?.session.close();
  await testbeds?.close();
  await server?.close();
  await site?.dispose();
  await rm(scratchPath, { recursive: true, force: true });
});

async function publish(version: string): Promise<string> {
  await site.install(STABLE, { debs: [await makeDeb(scratchPath, { version })] });
  await site.archive.untilPublished();
  return formatInstant((await findPublication(site.database.read, STABLE))?.releaseDate ?? new Date(0));
}

test("apt --snapshot of trixie finds an earlier instant by our Release file alone", async () => {
  const first = await publish("1.0-1");
  await publish("2.0-1");
  const sources = `Types: deb\nURIs: ${server.url}/repositories/test\nSuites: ${STABLE}\nComponents: main\n`;
  judge = await openJudge(testbeds, { codename: "trixie", sources, armoredKey: site.key.armoredPublicKey() });

  await judge.must("apt-get", "-q", "update");
  const now = await judge.must("apt-get", "-q", "--print-uris", "download", "hello");
  await judge.must("apt-get", "-q", "--snapshot", first, "update");
  await judge.must("apt-get", "-q", "--snapshot", first, "install", "hello");

  expect(now).toContain("hello_2.0-1_all.deb");
  expect(await judge.must("dpkg-query", "-W", "hello")).toBe("hello\t1.0-1\n");
});
