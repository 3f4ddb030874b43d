import { expect, test } from "vitest";
import type { StoredEvent } from "../events/index.ts";
import { originalEvent } from "./original-event.ts";

const place = { url: "http://localhost:8066", incomingUrl: "ftp://localhost:8067" };
const event: StoredEvent = {
  id: 7,
  type: "REJECTED",
  source: "hello",
  version: "1.0-1",
  distribution: "bookworm-test-unstable",
  architecture: "source",
  occurredAt: new Date("2026-11-22T13:05:13.909Z"),
  data: { error: "a file is missing", changes: "hello_1.0-1_source.changes" },
};
// Nothing is asked of it for these.
const noDatabase = {} as Parameters<typeof originalEvent>[0];

test("what was refused before it became an upload has the original's keys, and its error in the original's shape", async () => {
  const key = "hello/1.0-1/20261122:130513:909000";

  expect(await originalEvent(noDatabase, place, event)).toEqual({
    type: "REJECTED",
    distribution: "bookworm-test-unstable",
    source: "hello",
    version: "1.0-1",
    timestamp: "2026-11-22T13:05:13.909000+00:00",
    extra: {
      timecode: "20261122:130513:909000",
      key,
      bkey: `${key}/source`,
      architecture: "source",
      changes: null,
      error: expect.objectContaining({ status: 400, detail: "a file is missing" }),
    },
  });
});

test("what was migrated keeps the facts of ours beside the original's", async () => {
  const migrated = { ...event, type: "MIGRATED", data: { act: "migrate", by: "ann" } } as const;

  expect((await originalEvent(noDatabase, place, migrated)).extra).toMatchObject({
    by: "ann",
    bkey: expect.stringMatching(/\/source$/),
  });
});
