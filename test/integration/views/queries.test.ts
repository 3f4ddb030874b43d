import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { callOperation, type Visitor } from "../../../src/handlers/index.ts";
import { findOperation } from "../../../src/operations/index.ts";
import {
  countLiveBuilds,
  listEventViews,
  listLiveUploads,
  listPackages,
  listUploads,
  loadUpload,
  type PackagePage,
} from "../../../src/views/index.ts";
import { engines, useDatabase } from "../../support/database.ts";
import { fillSite, TestSite } from "../../support/site.ts";

const DISTRIBUTION = "bookworm-test-unstable";

describe.each(engines)("questions on %s", (engine) => {
  const testDatabase = useDatabase(engine);
  let site: TestSite;

  beforeEach(async () => {
    site = await TestSite.open({ database: testDatabase.database });
  });

  test("an upload shows its builds by architecture and attempt, with steps in order", async () => {
    const { failedUpload } = await fillSite(site);

    const upload = await loadUpload(site.context.views, failedUpload);

    expect(upload.builds.map((build) => [build.id.split("/").at(-1), build.state, build.status])).toEqual([
      ["amd64", "lost", null],
      ["amd64~2", "done", "package-failed"],
    ]);
    expect(upload.builds[1]?.steps.map((step) => step.step)).toEqual(["prepare", "build"]);
    expect(upload.builds[1]?.checks[0]?.tags[0]?.tag).toBe("no-copyright-file");
    expect(upload.problems[0]?.hint).toBe("See the end of its log");
  });

  test("a check is compared with that of the version installed before", async () => {
    const tag = (name: string, level: "E" | "W", details = "") => ({ level, package: "hello", tag: name, details });
    const add = async (version: string, state: string, agoMs: number, tags: ReturnType<typeof tag>[]) => {
      const uploadId = await site.addUpload({ source: "hello", version, state, agoMs });
      const checks = [{ name: "lintian" as const, outcome: "warn" as const, summary: "", tags }];
      const result = { status: "built" as const, files: [], checks };
      await site.addBuild({ uploadId, architecture: "amd64", state: "done", result });
      return uploadId;
    };
    await add("1", "installed", 9_000, [tag("gone-warning", "W"), tag("long-line", "W", "[README:12]")]);
    await add("2", "failed", 8_000, [tag("bad", "E")]);
    const third = await add("3", "installed", 7_000, [tag("long-line", "W", "[README:14]"), tag("bad", "E"), tag("odd", "W")]);

    const upload = await loadUpload(site.context.views, third);

    expect(upload.builds[0]?.checks[0]?.changes).toEqual({
      version: "1",
      summary: "1 new error, 1 new warning, 1 warning gone",
      added: ["E: hello: bad", "W: hello: odd"],
      gone: ["W: hello: gone-warning"],
    });
  });

  test("an upload that does not exist is not found", async () => {
    await expect(loadUpload(site.context.views, "a/1/2")).rejects.toMatchObject({ kind: "not-found", code: "UPLOAD_NOT_FOUND" });
  });

  test("uploads come newest first, page by page, each once", async () => {
    const added: string[] = [];
    for (let number = 0; number < 7; number++) {
      // Three at the same moment: only their ids differ.
      added.push(
        await site.addUpload({ source: `p${number}`, version: "1", state: "installed", agoMs: number < 3 ? 9_000 : number }),
      );
    }

    const seen: string[] = [];
    let before: string | undefined;
    do {
      const page = await listUploads(site.context.views, { before, limit: 2 });
      seen.push(...page.uploads.map((upload) => upload.id));
      before = page.next ?? undefined;
    } while (before !== undefined);

    expect(seen).toHaveLength(7);
    expect(new Set(seen)).toEqual(new Set(added));
    expect((await listUploads(site.context.views, { source: "p3", limit: 5 })).uploads.map((upload) => upload.source)).toEqual([
      "p3",
    ]);
  });

  test("only what is on its way is live, with the newest attempt of each build", async () => {
    const { runningUpload } = await fillSite(site);

    const live = await listLiveUploads(site.context.views);

    expect(live.map((upload) => upload.id)).toEqual([runningUpload]);
    expect(live[0]?.builds.map((build) => build.architecture)).toEqual(["amd64", "arm64"]);
    expect(await countLiveBuilds(site.context.views)).toBe(2);
  });

  test("packages come by name, page by page, with the newest version first", async () => {
    await site.addPackages(DISTRIBUTION, 20);

    const first = await pageOfPackages(site, undefined, undefined);
    const second = await pageOfPackages(site, undefined, first.next ?? undefined);

    const names = [...first.packages, ...second.packages].map((source) => source.source);
    expect(names).toEqual(names.toSorted());
    expect(names).toHaveLength(20);
    expect(second.next).toBeNull();
    const kept = first.packages.find((source) => source.older_versions.length > 0);
    expect(kept).toMatchObject({ version: "1.0-9~test12+1", older_versions: ["1.0-1~test12+1"] });
    expect(kept?.binaries.map((binary) => binary.architectures)).toEqual([["amd64"], ["all"]]);
  });

  test.each([
    ["g++", 5],
    ["G++-EXTRA0", 5],
    ["%", 0],
    ["_", 0],
    ["!", 0],
    ["'; drop table events; --", 0],
  ])("packages whose name contains %j are %i", async (filter, count) => {
    await site.addPackages(DISTRIBUTION, 20);

    expect((await pageOfPackages(site, filter, undefined)).packages).toHaveLength(count);
  });

  test("events for people do not show our own finer ones, unless asked for", async () => {
    await site.record({ type: "PACKAGING", source: "hello" });
    await site.record({ type: "build-step", source: "hello" });

    expect((await listEventViews(site.context.views, { limit: 10 })).map((event) => event.type)).toEqual(["PACKAGING"]);
    expect((await listEventViews(site.context.views, { types: ["all"], limit: 10 })).map((event) => event.type)).toEqual([
      "build-step",
      "PACKAGING",
    ]);
    await expect(listEventViews(site.context.views, { types: ["NONSENSE"], limit: 10 })).rejects.toMatchObject({
      code: "EVENT_TYPE_UNKNOWN",
    });
  });

  test("ls and show say where a source package is, and older versions as rollbacks", async () => {
    await site.addPackages(DISTRIBUTION, 1);
    const upload = await site.addUpload({ source: "hello000", version: "1.0-9~test12+1", state: "installed" });

    expect(await call(site, "ls", { source: "hello000" })).toEqual({
      test: {
        [DISTRIBUTION]: {
          rollbacks: { [`${DISTRIBUTION}-rollback0`]: { version: "1.0-1~test12+1", component: "main", architecture: "source" } },
          version: "1.0-9~test12+1",
          component: "main",
          architecture: "source",
        },
      },
    });
    expect(await call(site, "show", { source: "hello000" })).toMatchObject({
      test: {
        [DISTRIBUTION]: {
          dsc_path: "test/pool/main/h/hello000/hello000.dsc",
          changes_paths: [`${upload}/source/hello000_1.0-9~test12+1_source.changes`],
          uploadable: true,
          migrates_to: "bookworm-test-testing",
          is_migrated: false,
        },
      },
    });
  });

  test("ls asks for versions and places", async () => {
    await site.addPackages(DISTRIBUTION, 1);

    expect(await call(site, "ls", { source: "nope" })).toEqual({});
    expect(await call(site, "ls", { source: "hello000", min_version: "1.0-9" })).toEqual({});
    expect(await call(site, "ls", { source: "hello000", min_version: "1.0-9~" })).toHaveProperty("test");
    expect(await call(site, "ls", { source: "hello000", codenames: "trixie" })).toEqual({});
    expect(await call(site, "ls", { source: "hello000", repositories: "team" })).toEqual({});
    await expect(call(site, "ls", { source: "hello000", version: "not a version" })).rejects.toMatchObject({
      code: "ARGUMENT_INVALID",
    });
  });

  afterEach(() => site.closeHome());
});

function pageOfPackages(site: TestSite, filter: string | undefined, after: string | undefined): Promise<PackagePage> {
  const repository = site.context.views.served()[0]!;
  const distribution = repository.distributions.find((candidate) => candidate.name === DISTRIBUTION)!;
  return listPackages(site.context.views, { repository, distribution, filter, after, limit: 12 });
}

const stranger: Visitor = {
  caller: { name: "test", peer: "test", userId: undefined },
  permission: { access: "none", rights: [], operations: undefined },
  session: undefined,
};

function call(site: TestSite, name: string, raw: Record<string, string>): Promise<unknown> {
  const operation = findOperation(name)!;
  return callOperation(site.context, { operation, raw, rules: { unknown: "refuse" }, visitor: stranger });
}
