import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CatalogKeeper, type HostArchive } from "../../../src/catalog/index.ts";
import { engines, useDatabase } from "../../support/database.ts";

const FIRST = `[archive-sources.debian]
from = "host"
[codenames.bookworm]
base = "debian"
architectures = ["amd64"]
[repositories.test]
codenames = ["bookworm"]
uploads = "unsigned"
`;
const host: HostArchive = {
  codename: "bookworm",
  origin: "Debian",
  suites: [{ uri: "http://archive.example/debian", suite: "bookworm", components: ["main"], releaseVersion: "12.9", keys: "" }],
};

describe.each(engines)("the catalog in force on %s", (engine) => {
  const db = useDatabase(engine);
  const occupied = new Set<string>();
  let etcPath: string;
  let machine: HostArchive;

  beforeEach(async () => {
    etcPath = await mkdtemp(join(tmpdir(), "mbd-etc-"));
    await mkdir(join(etcPath, "keyrings"));
    occupied.clear();
    machine = host;
  });

  afterEach(() => rm(etcPath, { recursive: true }));

  test("nothing is served before the first apply, and what was applied is there after a restart", async () => {
    const keeper = await open();
    await edit(FIRST);

    expect(keeper.current.listDistributions()).toEqual([]);
    await keeper.apply({ withLoss: false });
    const restarted = await open();

    expect(keeper.current.findDistribution("bookworm-test-unstable")).toMatchObject({ codeversion: "12" });
    expect(restarted.current.findDistribution("bookworm-test-unstable")).toEqual(
      keeper.current.findDistribution("bookworm-test-unstable"),
    );
  });

  test("an edited file is not in force until it is applied", async () => {
    const keeper = await applied(FIRST);
    await edit(FIRST.replace("unsigned", "unsinged"));

    await expect(keeper.plan()).rejects.toMatchObject({ code: "CATALOG_INVALID" });
    expect((await open()).current.listDistributions()).toHaveLength(6);
  });

  test("applying twice the same records one revision", async () => {
    const keeper = await applied(FIRST);

    expect(await keeper.apply({ withLoss: false })).toEqual([]);
    expect(await db.database.read.selectFrom("catalog_revisions").select("id").execute()).toHaveLength(1);
  });

  test("what would lose packages is planned as such, refused, and done when asked for", async () => {
    const keeper = await applied(FIRST);
    occupied.add("bookworm-test-unstable");
    await edit("");

    expect((await keeper.plan()).filter(({ losesPackages }) => losesPackages)).toEqual([
      { summary: "- distribution bookworm-test-unstable", losesPackages: true },
    ]);
    await expect(keeper.apply({ withLoss: false })).rejects.toMatchObject({ kind: "conflict", code: "CATALOG_LOSES_PACKAGES" });
    expect(keeper.current.listDistributions()).toHaveLength(6);
    await keeper.apply({ withLoss: true });
    expect(keeper.current.listDistributions()).toEqual([]);
  });

  test("what empty distributions lose is no loss", async () => {
    const keeper = await applied(FIRST);
    await edit("");

    await keeper.apply({ withLoss: false });

    expect(keeper.current.listDistributions()).toEqual([]);
  });

  test("when the rest of the transaction fails, nothing was applied", async () => {
    const keeper = await open();
    await edit(FIRST);

    const failing = keeper.apply({ withLoss: false, within: () => Promise.reject(new Error("no distribution for you")) });

    await expect(failing).rejects.toThrow("no distribution for you");
    expect(keeper.current.listDistributions()).toEqual([]);
    expect((await open()).current.listDistributions()).toEqual([]);
  });

  test("a keyring that is not there is named with its line", async () => {
    const keeper = await open();
    await edit(FIRST.replace('"unsigned"', '"signed"\nuploader-keyrings = ["team.asc"]'));

    await expect(keeper.plan()).rejects.toMatchObject({ message: expect.stringMatching(/line 9, .*team\.asc cannot be read/) });
    await writeFile(join(etcPath, "keyrings/team.asc"), "");
    expect((await keeper.plan()).length).toBeGreaterThan(0);
  });

  test("looking at the machine again finds what changed there, and puts no older catalog in force", async () => {
    const keeper = await applied(FIRST);
    const suites = host.suites.map((suite) => ({ ...suite, releaseVersion: "13.1" }));
    machine = { ...host, suites };

    await keeper.refresh();
    expect(keeper.current.findDistribution("bookworm-test-unstable")).toMatchObject({ codeversion: "13" });

    await edit(FIRST.replace("test", "team"));
    const refreshing = keeper.refresh();
    await keeper.apply({ withLoss: false });
    await refreshing;
    expect(keeper.current.findDistribution("bookworm-team-unstable")).toBeDefined();
  });

  test("without a file there is nothing to plan, and it says where it should be", async () => {
    const keeper = await open();

    await expect(keeper.plan()).rejects.toMatchObject({ code: "CATALOG_MISSING", message: expect.stringContaining(etcPath) });
  });

  function open(): Promise<CatalogKeeper> {
    return CatalogKeeper.open({
      database: db.database,
      etcPath,
      holdsPackages: (_, distribution) => Promise.resolve(occupied.has(distribution)),
      readHost: () => Promise.resolve(machine),
    });
  }

  async function applied(text: string): Promise<CatalogKeeper> {
    const keeper = await open();
    await edit(text);
    await keeper.apply({ withLoss: false });
    return keeper;
  }

  function edit(text: string): Promise<void> {
    return writeFile(join(etcPath, "catalog.toml"), text);
  }
});
