import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { InstanceKey } from "../../src/keyring/index.ts";
import { type EndedCommand, runCommand } from "../../src/runtime/index.ts";
import { type AptRoot, aptSource, makeAptRoot } from "../support/apt.ts";
import { makeDeb } from "../support/packages.ts";
import { readPublishedTree } from "../support/release-tree.ts";

const UNSTABLE = "bookworm-test-unstable";
const PROGRAM = join(import.meta.dirname, "../support/publish-program.ts");
const PRELOAD = join(import.meta.dirname, "../support/kill-at.ts");

let scratchPath: string;
let sites: CrashSite[];

/** A home that programs publish in until they are killed, and an apt that reads it all the time. */
interface CrashSite {
  readonly homePath: string;
  readonly apt: AptRoot;
}

beforeEach(async () => {
  scratchPath = await mkdtemp(join(tmpdir(), "mbd-crash-"));
  sites = [];
});

afterEach(async () => {
  for (const { apt } of sites) await apt.dispose();
  await rm(scratchPath, { recursive: true, force: true });
});

async function makeSite(name: string): Promise<CrashSite> {
  const homePath = join(scratchPath, name);
  const key = await InstanceKey.open(join(homePath, "keys"), "test");
  const armoredKey = key.armoredPublicKey();
  await key.close();
  const uri = `file:${homePath}/repositories/test`;
  const apt = await makeAptRoot({ sources: aptSource({ uri, suites: [UNSTABLE], components: ["main"], armoredKey }) });
  const site = { homePath, apt };
  sites.push(site);

  checkEnded(await publish(site, "-"));
  await checkReaders(site);
  return site;
}

/** Run the program that installs and publishes; killAt: see kill-at.ts. */
async function publish({ homePath }: CrashSite, debPath: string, killAt = "none:0"): Promise<EndedCommand> {
  return runCommand({
    argv: [process.execPath, "--import", PRELOAD, PROGRAM, homePath, debPath],
    env: { KILL_AT: killAt, NODE_COMPILE_CACHE: join(scratchPath, "compile-cache") },
    timeoutMs: 120_000,
  });
}

function checkEnded(ended: EndedCommand): void {
  if (ended.exitCode !== 0)
    throw new Error(`the program ended with ${ended.reason} ${ended.exitCode}:\n${ended.stderr.toString()}`);
}

/** The tree is whole, and apt takes it over what it had. */
async function checkReaders({ homePath, apt }: CrashSite): Promise<string[]> {
  const tree = await readPublishedTree(join(homePath, "repositories/test/dists", UNSTABLE));
  await apt.must("apt-get", "update");
  return tree.packages("main/binary-amd64");
}

/**
 * Kill before the 1st, 2nd, … operation of a process, each time with something new to publish, and let a second start
 * publish it; until a run ends by itself. Returns how many were killed.
 */
async function killAtEach(part: "main" | "renderer"): Promise<number> {
  const site = await makeSite(part);
  for (let operation = 1; ; operation += 1) {
    const name = `${part}${operation}`;
    const { path } = await makeDeb(scratchPath, { name });
    const ended = await publish(site, path, `${part}:${operation}`);
    if (ended.exitSignal !== "SIGKILL") {
      checkEnded(ended);
      return operation - 1;
    }
    await checkReaders(site);

    checkEnded(await publish(site, path));
    expect(await checkReaders(site)).toContain(`${name} 1.0-1`);
  }
}

test("SIGKILL at every file operation of a publication leaves apt working and the next publication whole", async () => {
  const [inPublisher, inRenderer] = await Promise.all([killAtEach("main"), killAtEach("renderer")]);

  expect(inPublisher).toBeGreaterThan(20);
  expect(inRenderer).toBeGreaterThan(20);
}, 900_000);

test("SIGKILL at random moments leaves apt working and nothing installed lost", async () => {
  const site = await makeSite("random");
  const debs = join(scratchPath, "debs");
  for (let index = 0; index < 8; index += 1) await makeDeb(debs, { name: `random${index}` });
  const confirmed = new Set<string>();
  for (let round = 0; round < 8; round += 1) {
    const abort = new AbortController();
    const ended = runCommand({
      argv: [process.execPath, PROGRAM, site.homePath, debs, "forever"],
      gracePeriodMs: 0,
      signal: abort.signal,
      onOutput: (bytes) => {
        for (const name of Buffer.from(bytes).toString().trim().split("\n")) confirmed.add(name.split("_")[0] ?? "");
        // After a confirmation, at a moment within the next publication.
        setTimeout(() => abort.abort(), Math.random() * 300);
      },
      timeoutMs: 60_000,
    });
    expect((await ended).reason).toBe("cancelled");

    const present = await checkReaders(site);
    expect(present).toEqual(expect.arrayContaining([...confirmed].map((name) => `${name} 1.0-1`)));
  }
}, 300_000);
