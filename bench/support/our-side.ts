import { rm } from "node:fs/promises";
import { join } from "node:path";
import { runChecked, silentLogger, systemClock } from "../../src/runtime/index.ts";
import { Testbeds } from "../../src/testbed/index.ts";
import { type AptRoot, aptSource, makeAptRoot } from "../../test/support/apt.ts";
import type { ApiEvent, Daemon } from "../../test/support/daemon.ts";
import type { SourceVersion } from "./source-series.ts";
import { measureTimeline } from "./upload-timeline.ts";

export interface MeasuredUpload {
  /** From dput's exit until a fresh apt-get update lists the version. */
  readonly seconds: number;
  readonly parts: Readonly<Record<string, number>>;
}

/** dput it, wait for its publication, update a fresh apt; throws when it did not get in. */
export async function measureUpload(
  daemon: Daemon,
  upload: SourceVersion,
  distribution: string,
  architecture: string,
): Promise<MeasuredUpload> {
  const aptRoot = await makeAptRoot({ sources: await sourcesOf(daemon, distribution), architecture });
  try {
    const ends = collectUntilPublished(daemon, upload, distribution);
    await daemon.dput(upload.changesPath);
    const startMs = Date.now();
    const events = await ends;
    await untilListed(aptRoot, upload);
    const endMs = Date.now();
    return { seconds: (endMs - startMs) / 1_000, parts: measureTimeline(events, { startMs, endMs }) };
  } finally {
    await aptRoot.dispose();
  }
}

async function sourcesOf(daemon: Daemon, distribution: string): Promise<string> {
  const answer = await daemon.get("/mini_buildd/api/pub_key/?output=json");
  const armoredKey = (await answer.json()) as string;
  return aptSource({ uri: `${daemon.url}/repositories/test`, suites: [distribution], components: ["main"], armoredKey });
}

/** The events of this version and of its distribution's publications, up to the first that shows it. */
async function collectUntilPublished(daemon: Daemon, upload: SourceVersion, distribution: string): Promise<ApiEvent[]> {
  const events: ApiEvent[] = [];
  let isInstalled = false;
  for await (const event of daemon.stream({ signal: AbortSignal.timeout(900_000) })) {
    const isOurs = event.source === upload.source && event.version === upload.version;
    if (isOurs && (event.type === "FAILED" || event.type === "REJECTED"))
      throw new Error(`${upload.source} ${upload.version} ended as ${event.type}: ${JSON.stringify(event.data)}`);
    const isPublication = event.type === "publication-state" && event.distribution === distribution;
    if (isOurs || (isPublication && isInstalled)) events.push(event);
    isInstalled ||= isOurs && event.type === "INSTALLED";
    if (isPublication && isInstalled && event.data["to"] === "published") return events;
  }
  throw new Error("the event stream ended");
}

/** Again until it is there: the first update is the rule. */
export async function untilListed(aptRoot: AptRoot, { source, version }: SourceVersion): Promise<void> {
  for (let tries = 0; tries < 50; tries++) {
    await aptRoot.must("apt-get", "update");
    if ((await aptRoot.must("apt-cache", "madison", source)).includes(` ${version} `)) return;
  }
  throw new Error(`apt does not list ${source} ${version}`);
}

/** As after the base layer was made: no list, plan, downloaded package or layer of packages is left. */
export async function forgetDependencyLayers(daemon: Daemon): Promise<void> {
  const directory = join(daemon.home, "testbeds");
  const testbeds = await Testbeds.open({ directory, clock: systemClock, logger: silentLogger });
  try {
    await testbeds.evict({ unusedForMs: -1 });
  } finally {
    await testbeds.close();
  }
  await runChecked({ argv: ["mmdebstrap", "--unshare-helper", "rm", "-rf", "archives"], cwd: join(directory, "store") });
  await rm(join(directory, "notes"), { recursive: true });
  await runChecked({ argv: ["mkdir", join(directory, "notes")] });
}
