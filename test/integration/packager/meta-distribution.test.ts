import { beforeEach, describe, expect, test } from "vitest";
import { ensureDistributions } from "../../../src/archive/index.ts";
import { distributionSettings } from "../../support/archive.ts";
import { engines } from "../../support/database.ts";
import { PackagerSite } from "./packager-site.ts";

const CATALOG = `[archive-sources.debian]
from = "host"
[codenames.bookworm]
base = "debian"
architectures = ["amd64"]
[layouts.developer]
meta-distributions = { unstable = "bookworm-unstable" }
suites = { unstable = { uploadable = true } }
[repositories.debdev]
layout = "developer"
codenames = ["bookworm"]
uploads = "unsigned"
`;
const NAME = "bookworm-debdev-unstable";

describe.each(engines)("an upload to a meta-distribution, on %s", (engine) => {
  const site = PackagerSite.use(engine);

  beforeEach(async () => {
    const catalog = site.makeCatalog(CATALOG);
    site.change({ catalog: () => catalog });
    const settings = distributionSettings(NAME, { repositoryId: "debdev", components: ["main"] });
    await site.database.database.transaction((tx) => ensureDistributions(tx, [settings]));
  });

  test("is installed in the distribution that it stands for, which all its events name", async () => {
    const { uploadId } = await site.install({ version: "1.0-1" }, { distribution: "unstable" });

    const events = await site.events(uploadId);
    expect(new Set(events.map(({ distribution }) => distribution))).toEqual(new Set([NAME]));
    expect(await site.publicEvents(uploadId)).toEqual(["PACKAGING", "BUILDING", "BUILT", "INSTALLED"]);
    expect((await site.order(uploadId, "amd64")).distribution).toBe(NAME);
  });

  test("is refused by the name it came with, when that stands for nothing", async () => {
    const uploadId = await site.upload(await site.makeSource(), { distribution: "experimental" });

    expect(await site.verdict(uploadId)).toBe("rejected DISTRIBUTION_NOT_SERVED");
    expect((await site.events(uploadId)).at(-1)).toMatchObject({ type: "REJECTED", distribution: "experimental" });
  });
});
