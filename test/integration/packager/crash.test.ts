import { expect, test } from "vitest";
import { countPackages } from "../../../src/archive/index.ts";
import type { Database } from "../../../src/database/index.ts";
import { AppError } from "../../../src/runtime/index.ts";
import { PackagerSite, UNSTABLE } from "./packager-site.ts";

const site = PackagerSite.use();

/** As if the daemon had died there; the job, whose lease runs out, is done again later. */
class Cut {
  /** Which of the calls, counted from 1. */
  readonly #at: number;
  readonly #when: "before" | "after";
  #calls = 0;

  constructor(at: number, when: "before" | "after") {
    this.#at = at;
    this.#when = when;
  }

  get hasHappened(): boolean {
    return this.#calls >= this.#at;
  }

  async around<T>(work: () => Promise<T>): Promise<T> {
    this.#calls += 1;
    const isHere = this.#calls === this.#at;
    if (isHere && this.#when === "before") throw died();
    const result = await work();
    if (isHere) throw died();
    return result;
  }
}

function died(): AppError {
  return new AppError({ kind: "unavailable", code: "DATABASE_CLOSED", message: "the daemon died" });
}

function cutTransactions(database: Database, cut: Cut): Database {
  return {
    kind: database.kind,
    read: database.read,
    transaction: (work) => cut.around(() => database.transaction(work)),
    onWake: (topic, callback) => database.onWake(topic, callback),
    close: () => database.close(),
  };
}

/** Until nothing is left to be done again. */
async function runJobsAfterCrash(): Promise<void> {
  await site.runJobs();
  site.database.clock.advance(60_000);
  await site.runJobs();
}

/** Each round cuts one call later; the last one cuts nothing. Returns how many rounds there were. */
async function uploadWithEachCut(when: "before" | "after", arrange: (cut: Cut) => void): Promise<number> {
  for (let round = 1; ; round += 1) {
    const cut = new Cut(round, when);
    arrange(cut);
    const { uploadId } = await site.deliver(await site.makeSource({ name: `hello${round}` }));
    await runJobsAfterCrash();
    await site.buildOnly("amd64");
    await runJobsAfterCrash();

    expect(await site.verdict(uploadId)).toBe("installed");
    expect(await site.publicEvents(uploadId)).toEqual(["PACKAGING", "BUILDING", "BUILT", "INSTALLED"]);
    expect(await countPackages(site.database.database.read, UNSTABLE)).toEqual({ sources: round, binaries: round });
    if (!cut.hasHappened) return round;
  }
}

test.each(["before", "after"] as const)("a crash %s any transaction of a step leads to the same end", async (when) => {
  const { database } = site.context;

  const rounds = await uploadWithEachCut(when, (cut) => site.change({ database: cutTransactions(database, cut) }));

  // Check started, accepted, concluded, installed.
  expect(rounds).toBe(5);
});

test.each(["before", "after"] as const)("a crash %s any file is put into the pool leads to the same end", async (when) => {
  const { contentStore } = site.context.archive;
  const importFile = contentStore.importFile.bind(contentStore);

  const rounds = await uploadWithEachCut(when, (cut) => {
    contentStore.importFile = (path, expected) => cut.around(() => importFile(path, expected));
  });

  // .dsc, orig, debian, .deb, .buildinfo.
  expect(rounds).toBe(6);
});
