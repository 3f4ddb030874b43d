import { expect, test } from "vitest";
import type { EventView } from "../operations/index.ts";
import { type UploadEnd, UploadStory } from "./upload-story.ts";

const SUBJECT = {
  source: "hello",
  version: "1.0~test12+1",
  changesName: "hello_1.0~test12+1_source.changes",
  fileNames: ["hello_1.0~test12+1.dsc"],
};
const UPLOAD = "hello/1.0~test12+1/20261122:130513:909198";
const BUILD = `${UPLOAD}/amd64`;

test("an upload's way is told until apt sees it", () => {
  const { ends, lines } = tell([
    event({ type: "upload-state", upload: UPLOAD, data: { from: null, to: "received" } }),
    event({ type: "upload-state", upload: UPLOAD, data: { from: "received", to: "checking" } }),
    event({ type: "PACKAGING", upload: UPLOAD }),
    event({ type: "build-state", upload: UPLOAD, build: BUILD, data: { to: "waiting" } }),
    event({ type: "build-step", upload: UPLOAD, build: BUILD, seconds: 10, data: { step: "prepare", type: "started" } }),
    event({
      type: "build-step",
      upload: UPLOAD,
      build: BUILD,
      seconds: 14,
      data: { step: "prepare", type: "ended", outcome: "ok", note: "12 packages" },
    }),
    event({ type: "upload-state", upload: UPLOAD, data: { from: "installing", to: "installed" } }),
    event({ type: "publication-state", source: null, distribution: "other-test-unstable", data: { to: "published" } }),
    event({ type: "publication-state", source: null, data: { from: "pending", to: "published" } }),
  ]);

  expect(ends).toEqual(["published"]);
  expect(lines).toEqual([
    "13:05:00  received, all files are there\n",
    "13:05:00  checking\n",
    "13:05:00  amd64: waiting\n",
    "13:05:10  amd64: prepare …\n",
    "13:05:14  amd64: prepare ok after 4.0 s, 12 packages\n",
    "13:05:00  installed\n",
    "13:05:00  published in bookworm-test-unstable\n",
  ]);
});

test("a publication before the upload is installed is not its end", () => {
  const { ends } = tell([
    event({ type: "upload-state", upload: UPLOAD, data: { to: "received" } }),
    event({ type: "publication-state", source: null, data: { to: "published" } }),
  ]);

  expect(ends).toEqual([]);
});

test("a rejection shows every reason with what to do", () => {
  const problems = [
    { code: "X", message: "the version is wrong", hint: "use 1.0~test12+1" },
    { code: "Y", message: "no signature" },
  ];
  const { ends, lines } = tell([event({ type: "REJECTED", upload: UPLOAD, data: { error: "…", problems } })]);

  expect(ends).toEqual(["rejected"]);
  expect(lines.join("")).toContain("problem: the version is wrong\n  use 1.0~test12+1\nproblem: no signature\n");
});

test("a .changes that could not even be read is known by its name", () => {
  const rejected = event({
    type: "REJECTED",
    source: null,
    version: null,
    data: { changes: SUBJECT.changesName, error: "not signed" },
  });

  expect(tell([rejected]).ends).toEqual(["rejected"]);
});

test("other uploads are not told, not even of the same version at another time", () => {
  const { ends, lines } = tell([
    event({ type: "upload-state", upload: UPLOAD, data: { to: "received" } }),
    event({ type: "FAILED", upload: `${UPLOAD}9`, data: { error: "another attempt" } }),
    event({ type: "REJECTED", source: "other", upload: "other/1/x", data: { error: "another package" } }),
  ]);

  expect(ends).toEqual([]);
  expect(lines).toHaveLength(1);
});

test("the same upload sent twice ends as such", () => {
  const duplicate = event({ type: "delivery", upload: UPLOAD, data: { outcome: "duplicate", reason: "was already accepted" } });

  expect(tell([duplicate]).ends).toEqual(["duplicate"]);
});

test.each([
  ["a refused .changes", { outcome: "refused", file: SUBJECT.changesName }, `${SUBJECT.changesName} was refused`],
  ["a refused file", { outcome: "refused", file: SUBJECT.fileNames[0] }, `${SUBJECT.fileNames[0]} was refused`],
  ["files that no .changes came for", { outcome: "unclaimed", files: [{ name: SUBJECT.fileNames[0] }] }, "unclaimed"],
])("%s ends the way, with the reason", (_, data, line) => {
  const problems = [{ code: "UPLOAD_DISK_RESERVE", message: "the disk is nearly full", hint: "wait" }];
  const refused = event({ type: "delivery", source: null, version: null, data: { ...data, problems } });

  const { ends, lines } = tell([refused]);

  expect(ends).toEqual(["refused"]);
  expect(lines.join("")).toBe(`13:05:00  ${line}\nproblem: the disk is nearly full\n  wait\n`);
});

test("what is refused once the upload is taken, or is another's, does not end its way", () => {
  const { ends } = tell([
    event({ type: "delivery", source: null, version: null, data: { outcome: "refused", file: "other_1.0.dsc" } }),
    event({ type: "upload-state", upload: UPLOAD, data: { to: "received" } }),
    event({ type: "delivery", data: { outcome: "refused", file: SUBJECT.changesName } }),
    event({
      type: "delivery",
      source: null,
      version: null,
      data: { outcome: "unclaimed", files: [{ name: SUBJECT.fileNames[0] }] },
    }),
  ]);

  expect(ends).toEqual([]);
});

function tell(events: readonly EventView[]): { ends: UploadEnd[]; lines: string[] } {
  const lines: string[] = [];
  const story = new UploadStory(SUBJECT, (line) => lines.push(line));
  const ends = events.map((event) => story.take(event)).filter((end) => end !== undefined);
  return { ends, lines };
}

function event({ seconds = 0, ...fields }: Partial<EventView> & { type: string; seconds?: number }): EventView {
  return {
    id: 1,
    timestamp: `2026-11-22T13:05:${String(seconds).padStart(2, "0")}.000Z`,
    distribution: "bookworm-test-unstable",
    source: SUBJECT.source,
    version: SUBJECT.version,
    architecture: "amd64",
    upload: null,
    build: null,
    data: {},
    ...fields,
  };
}
