import { existsSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Archive, countPackages, findNewestSource, removeSourceVersion } from "../../../src/archive/index.ts";
import { buildDirectory, cancelUploadBuilds, sourceDirectory } from "../../../src/farm/index.ts";
import { registerPackagerJobs, sweepUploads } from "../../../src/packager/index.ts";
import { JobWorker } from "../../../src/queue/index.ts";
import { AppError } from "../../../src/runtime/index.ts";
import { engines } from "../../support/database.ts";
import { PackagerSite, UNSTABLE } from "./packager-site.ts";

const VERSION = "1.0-1~test12+1";

describe.each(engines)("the same again on %s", (engine) => {
  const site = PackagerSite.use(engine);

  test("the same .changes while in progress, and when installed, was accepted already", async () => {
    const source = await site.makeSource();
    const first = await site.deliver(source);
    const whileReceived = await site.deliver(source);
    await site.runJobs();
    const whileBuilding = await site.deliver(source);
    await site.build("amd64");
    const whenInstalled = await site.deliver(source);
    await site.runJobs();

    const already = { type: "already-accepted", uploadId: first.uploadId };
    expect([whileReceived, whileBuilding, whenInstalled]).toEqual([already, already, already]);
    expect(await site.publicEvents(first.uploadId)).toEqual(["PACKAGING", "BUILDING", "BUILT", "INSTALLED"]);
  });

  test("the same .changes after it was rejected is a new attempt", async () => {
    const source = await site.makeSource();
    const withoutOrig = { files: [source.dsc, ...source.files.slice(1)] };
    const first = await site.upload(source, withoutOrig);

    const second = await site.deliver(source, withoutOrig);
    await site.runJobs();

    expect(second.type).toBe("accepted");
    expect(second.uploadId).not.toBe(first);
    expect([await site.verdict(first), await site.verdict(second.uploadId)]).toEqual([
      "rejected SOURCE_FILE_MISSING",
      "rejected SOURCE_FILE_MISSING",
    ]);
  });

  test("the same .changes after it failed is a new attempt, which may succeed", async () => {
    const source = await site.makeSource();
    const first = await site.upload(source);
    await cancelUploadBuilds(site.context.farm, first, "the tester");
    await site.runJobs();

    const second = await site.upload(source);
    await site.build("amd64");

    expect([await site.state(first), await site.state(second)]).toEqual(["failed", "installed"]);
  });

  test("the same .changes after its version was removed is refused", async () => {
    const { source } = await site.install();
    const { database } = site.database;
    await database.transaction((tx) => removeSourceVersion(tx, { distribution: UNSTABLE, source: "hello", version: VERSION }));

    const again = await site.deliver(source);
    await site.runJobs();

    expect(again.type).toBe("accepted");
    expect(await site.verdict(again.uploadId)).toBe("rejected VERSION_KNOWN");
    expect((await site.problems(again.uploadId))[0]?.message).toContain("with this very content");
  });

  test("another upload of a version that is being built is refused, and the first one goes on", async () => {
    const first = await site.upload(await site.makeSource());

    const second = await site.upload(await site.makeSource({ debianText: "other" }));
    await site.build("amd64");

    expect(await site.verdict(second)).toBe("rejected VERSION_IN_PROGRESS");
    expect((await site.problems(second))[0]?.message).toContain(first);
    expect(await site.state(first)).toBe("installed");
  });

  test("the same version for another distribution of the repository is refused as well while it is being built", async () => {
    const first = await site.upload(await site.makeSource());

    const second = await site.upload(await site.makeSource({ debianText: "other" }), { distribution: "bookworm-test-hotfix" });

    expect(await site.verdict(second)).toBe("rejected VERSION_IN_PROGRESS");
    expect((await site.problems(second))[0]?.message).toContain(first);
  });

  test.each(["1.00-1~test12+1", "0.9-1~test12+1"])(
    "%s is refused while 1.0-1 is being built for that distribution",
    async (version) => {
      await site.upload(await site.makeSource());

      const second = await site.upload(await site.makeSource({ version }));

      expect(await site.verdict(second)).toBe("rejected VERSION_IN_PROGRESS");
      expect((await site.problems(second))[0]?.message).toContain("is not higher");
    },
  );

  test("of two uploads of one version that come at once one is built", async () => {
    const deliveries = [
      await site.deliver(await site.makeSource()),
      await site.deliver(await site.makeSource({ debianText: "other" })),
    ];

    await site.runJobs();

    const verdicts = await Promise.all(deliveries.map(({ uploadId }) => site.verdict(uploadId)));
    expect(verdicts.toSorted()).toEqual(["building", "rejected VERSION_IN_PROGRESS"]);
  });

  test("each step run twice has the same result", async () => {
    const source = await site.makeSource();
    const { uploadId } = await site.deliver(source);
    await site.runJobs();
    await site.runJobsAgain();
    await site.build("amd64");
    await site.runJobsAgain();

    expect(await site.verdict(uploadId)).toBe("installed");
    expect(await site.publicEvents(uploadId)).toEqual(["PACKAGING", "BUILDING", "BUILT", "INSTALLED"]);
    const states = (await site.events(uploadId)).filter(({ type }) => type === "upload-state").map(({ data }) => data["to"]);
    expect(states).toEqual(["received", "checking", "building", "installing", "installed"]);
    expect(await countPackages(site.database.database.read, UNSTABLE)).toEqual({ sources: 1, binaries: 1 });
  });

  test("a rejected upload whose check runs again stays as it is", async () => {
    const uploadId = await site.upload(await site.makeSource({ version: "1.0-1" }));

    await site.runJobsAgain();

    expect(await site.verdict(uploadId)).toBe("rejected VERSION_NOT_FOR_SUITE");
    expect(await site.publicEvents(uploadId)).toEqual(["REJECTED"]);
  });
});

describe("when something of ours breaks", () => {
  const site = PackagerSite.use();

  const boom = (): never => {
    throw new Error("boom");
  };

  test("a check that cannot be done ends the upload, with a reason that is not the uploader's", async () => {
    const { uploadId } = await site.deliver(await site.makeSource());
    site.change({ catalog: boom });

    await site.runJobs();

    expect(await site.verdict(uploadId)).toBe("rejected INTERNAL");
    expect((await site.problems(uploadId))[0]?.hint).toContain("the daemon's log");
    expect(site.logged).toContainEqual(expect.objectContaining({ level: "error", message: "job failed" }));
    expect((await site.publicEvents(uploadId)).at(-1)).toBe("REJECTED");
  });

  test("an upload whose check could not even begin ends, too", async () => {
    const { database } = site.context;
    site.change({ database: { ...database, read: database.read, transaction: boom } });

    const uploadId = await site.upload(await site.makeSource());

    expect(await site.verdict(uploadId)).toBe("rejected INTERNAL");
  });

  test("builds that cannot be judged end the upload", async () => {
    const uploadId = await site.upload(await site.makeSource());
    await site.buildOnly("amd64");
    const { database } = site.database;
    await database.transaction((tx) => tx.updateTable("builds").set({ result: "{not JSON" }).execute());

    await site.runJobs();

    expect(await site.verdict(uploadId)).toBe("failed INTERNAL");
  });

  test("built files that are gone end the upload", async () => {
    const uploadId = await site.upload(await site.makeSource());
    await site.buildOnly("amd64");
    await rm(buildDirectory(site.context.farm, `${uploadId}/amd64`), { recursive: true });

    await site.runJobs();

    expect(await site.verdict(uploadId)).toBe("failed INTERNAL");
    expect(await findNewestSource(site.database.database.read, "hello", UNSTABLE)).toBeUndefined();
  });

  test("what the world may mend is tried again, and the upload waits for it", async () => {
    const { catalog } = site.context;
    const away = new AppError({ kind: "unavailable", code: "HOST_ARCHIVE_UNKNOWN", message: "no lists" });
    const { uploadId } = await site.deliver(await site.makeSource());
    site.change({
      catalog: () => {
        throw away;
      },
    });
    await site.runJobs();
    expect(await site.verdict(uploadId)).toBe("checking");

    site.change({ catalog });
    site.database.clock.advance(60_000);
    await site.runJobs();

    expect(await site.verdict(uploadId)).toBe("building");
  });

  test("a publication that does not come keeps nobody from stopping, and the check is done later", async () => {
    await site.install();
    const { archive } = site.context;
    const { database, clock } = site.database;
    const { promise: isWaiting, resolve } = Promise.withResolvers<void>();
    const untilPublished = (): Promise<void> => {
      resolve();
      return new Promise(() => {});
    };
    site.change({
      archive: Object.assign(Object.create(archive), { untilPublished, contentStore: archive.contentStore }) as Archive,
    });
    const { uploadId } = await site.deliver(await site.makeSource({ version: "1.0-2~test12+1" }));
    const worker = new JobWorker({ database, clock, logger: site.context.logger });
    registerPackagerJobs(worker, site.context);
    worker.start();
    await isWaiting;

    await worker.stop();
    expect(await site.verdict(uploadId)).toBe("checking");
    site.change({ archive });
    await site.runJobs();

    expect(await site.verdict(uploadId)).toBe("building");
  });
});

describe("files that a crash left", () => {
  const site = PackagerSite.use();

  const stagingOf = async (): Promise<string[]> => readdir(join(site.context.farm.buildsPath, ".staging"));

  test("staged files are moved by the check, once", async () => {
    const { uploadId } = await site.deliver(await site.makeSource());
    expect(await stagingOf()).toHaveLength(1);

    await site.runJobs();

    expect(await stagingOf()).toEqual([]);
    expect((await readdir(sourceDirectory(site.context.farm, uploadId))).toSorted()).toEqual([
      "hello_1.0-1~test12+1.debian.tar.gz",
      "hello_1.0-1~test12+1.dsc",
      "hello_1.0-1~test12+1_source.changes",
      "hello_1.0.orig.tar.gz",
    ]);
  });

  test("staged files of a delivery that became no upload are removed; those of one that waits stay", async () => {
    const { uploadId } = await site.deliver(await site.makeSource());
    await mkdir(join(site.context.farm.buildsPath, ".staging", "0".repeat(64)));

    await sweepUploads(site.context);

    expect(await stagingOf()).toHaveLength(1);
    await site.runJobs();
    expect(await site.state(uploadId)).toBe("building");
  });

  test("a delivery that is staged a second time after a crash becomes one upload", async () => {
    const source = await site.makeSource();
    await site.stageOnly(source);

    const uploadId = await site.upload(source);

    expect(await stagingOf()).toEqual([]);
    expect(await site.verdict(uploadId)).toBe("building");
  });

  test("files of a rejected upload are removed, also when the crash came before that", async () => {
    const uploadId = await site.upload(await site.makeSource({ version: "1.0-1" }));
    const directory = dirname(sourceDirectory(site.context.farm, uploadId));
    expect(existsSync(directory)).toBe(false);
    await mkdir(join(directory, "source"), { recursive: true });

    await sweepUploads(site.context);

    expect(existsSync(directory)).toBe(false);
  });
});
