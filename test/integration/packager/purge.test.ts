import { describe, expect, test } from "vitest";
import { listEvents, purgeDeliveryEvents, purgeEvents, recordEvent } from "../../../src/events/index.ts";
import { purgeRejectedUploads } from "../../../src/packager/index.ts";
import { engines } from "../../support/database.ts";
import { PackagerSite } from "./packager-site.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

describe.each(engines)("what strangers can make us keep, on %s", (engine) => {
  const site = PackagerSite.use(engine);

  async function uploadRejected(): Promise<string> {
    const uploadId = await site.upload(await site.makeSource(), { distribution: "bookworm-test-nowhere" });
    expect(await site.state(uploadId)).toBe("rejected");
    return uploadId;
  }

  test("the text of a rejected .changes goes, its reasons stay; an accepted one's text stays", async () => {
    const rejected = await uploadRejected();
    const accepted = await site.upload(await site.makeSource());

    const rows = await site.database.database.read.selectFrom("uploads").select(["id", "changes_text"]).execute();
    const sizes = new Map(rows.map((row) => [row.id, row.changes_text.length]));
    expect(sizes.get(rejected)).toBe(0);
    expect(sizes.get(accepted)).toBeGreaterThan(100);
    expect(await site.verdict(rejected)).toBe("rejected DISTRIBUTION_NOT_SERVED");
  });

  test("old rejected uploads go with their files' names and events; younger ones and others stay", async () => {
    const { database, clock } = site.database;
    const old = await uploadRejected();
    const accepted = await site.upload(await site.makeSource());
    clock.advance(2 * DAY_MS);
    const young = await uploadRejected();

    const purgedCount = await purgeRejectedUploads(database, new Date(clock.now().getTime() - DAY_MS));

    expect(purgedCount).toBe(1);
    const uploads = await database.read.selectFrom("uploads").select("id").execute();
    expect(uploads.map(({ id }) => id).toSorted()).toEqual([accepted, young].toSorted());
    const files = await database.read.selectFrom("upload_files").select("upload_id").distinct().execute();
    expect(files.map((file) => file.upload_id).toSorted()).toEqual([accepted, young].toSorted());
    expect(await site.events(old)).toEqual([]);
    expect((await site.events(accepted)).length).toBeGreaterThan(2);
    expect((await site.events(young)).map(({ type }) => type)).toContain("upload-state");
  });

  test("old notes about deliveries go, also many, and those rejected before they were uploads, and nothing else", async () => {
    const { database, clock } = site.database;
    await database.transaction(async (tx) => {
      await recordEvent(tx, { type: "MIGRATED" });
      await recordEvent(tx, { type: "REJECTED", source: "never-an-upload" });
      await recordEvent(tx, { type: "REJECTED", uploadId: "hello/1/x" });
      for (let count = 0; count < 1_001; count += 1) await recordEvent(tx, { type: "delivery" });
    });
    clock.advance(2 * DAY_MS);
    await database.transaction((tx) => recordEvent(tx, { type: "delivery" }));

    const purgedCount = await purgeDeliveryEvents(database, new Date(clock.now().getTime() - DAY_MS));

    expect(purgedCount).toBe(1_002);
    const kept = await listEvents(database.read, { types: ["delivery", "MIGRATED", "REJECTED"] });
    expect(kept.map(({ type }) => type)).toEqual(["delivery", "REJECTED", "MIGRATED"]);
  });

  test("events of any type go when they are old", async () => {
    const { database, clock } = site.database;
    const { uploadId } = await site.install();
    clock.advance(2 * DAY_MS);
    await database.transaction((tx) => recordEvent(tx, { type: "REMOVED" }));

    expect(await purgeEvents(database, new Date(clock.now().getTime() - DAY_MS))).toBeGreaterThan(5);

    expect(await site.events(uploadId)).toEqual([]);
    expect((await listEvents(database.read, {})).map(({ type }) => type)).toEqual(["REMOVED"]);
    expect(await site.state(uploadId)).toBe("installed");
  });
});
