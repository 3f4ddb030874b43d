import { afterAll, beforeAll, expect, test } from "vitest";
import type { UploadView } from "../../src/operations/index.ts";
import { Daemon, hostCodename, hostVersionSuffix } from "../support/daemon.ts";
import { makeSourcePackage, type SourceTreeOptions } from "../support/source-tree.ts";

/** Uploads that need each other, and what is known of a package when its next version comes. */
let daemon: Daemon;
let unstable: string;
let suffix: string;

beforeAll(async () => {
  const [codename, versionSuffix] = await Promise.all([hostCodename(), hostVersionSuffix()]);
  unstable = `${codename}-test-unstable`;
  suffix = versionSuffix;
  daemon = await Daemon.make({ sharesLayers: true });
  await daemon.start();
  await daemon.apply();
});
afterAll(() => daemon?.remove());

function make(name: string, version: string, more: Partial<SourceTreeOptions> = {}): Promise<string> {
  const changelogLines = ["MINI_BUILDD_OPTION: lintian-mode=disabled", ...(more.changelogLines ?? [])];
  const own = { name, version: `${version}${suffix}`, distribution: unstable };
  return makeSourcePackage(daemon.scratch, { ...own, ...more, changelogLines });
}

async function uploadOf(source: string, version: string): Promise<UploadView> {
  const events = await daemon.events();
  const id = events.findLast((event) => event.source === source && event.version === `${version}${suffix}`)?.upload;
  const response = await daemon.get(`/api/v1/upload?upload=${encodeURIComponent(id ?? "")}`);
  return (await response.json()) as UploadView;
}

test("uploads that depend on each other end built, in whatever order they come", { timeout: 900_000 }, async () => {
  const changes = {
    top: await make("mbd-batch-top", "1.0", { buildDepends: "mbd-batch-middle (>= 1.0~)", recipe: ["mbd-batch-middle"] }),
    middle: await make("mbd-batch-middle", "1.0", { buildDepends: "mbd-batch-bottom (>= 1.0~)", recipe: ["mbd-batch-bottom"] }),
    bottom: await make("mbd-batch-bottom", "1.0"),
  };

  await daemon.dput(changes.top);
  await daemon.dput(changes.middle);
  await daemon.dput(changes.bottom);
  for (const path of Object.values(changes)) await daemon.command("wait", path);

  const top = await uploadOf("mbd-batch-top", "1.0");
  expect(top.state).toBe("installed");
  const waited = top.builds.filter(({ status }) => status === "dependencies-missing");
  expect(waited[0]?.reason).toContain("mbd-batch-middle");
  const events = (await daemon.events()).filter(({ source }) => source === "mbd-batch-top").map(({ type }) => type);
  expect(events.filter((type) => type === type.toUpperCase())).toEqual(["PACKAGING", "BUILDING", "BUILT", "INSTALLED"]);
});

test("piuparts upgrades from the version that the distribution has", { timeout: 900_000 }, async () => {
  await daemon.command("wait", await sent("1.1", "MINI_BUILDD_OPTION: piuparts-mode=errfail"));

  const { builds } = await uploadOf("mbd-batch-bottom", "1.1");

  expect(builds[0]?.checks.find(({ name }) => name === "piuparts")).toMatchObject({
    outcome: "pass",
    tests: [
      { name: "install and purge", outcome: "pass" },
      { name: "upgrade", outcome: "pass" },
    ],
  });
});

async function sent(version: string, option: string): Promise<string> {
  const changesPath = await make("mbd-batch-bottom", version, { changelogLines: [option] });
  await daemon.dput(changesPath);
  return changesPath;
}
