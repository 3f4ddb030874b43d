import { expect, test } from "vitest";
import { parseSbuildSummary } from "./sbuild-summary.ts";

const heading = "\n+----+\n| Summary      |\n+----+\n\n";

test("status and fail stage are read from the summary", () => {
  const summary = parseSbuildSummary(`log${heading}Fail-Stage: build\nStatus: attempted\n`);

  expect(summary).toEqual({ status: "attempted", failStage: "build" });
});

test("what the package prints before the summary does not count", () => {
  const summary = parseSbuildSummary(`Status: successful\nFail-Stage: install-deps\n${heading}Status: attempted\n`);

  expect(summary).toEqual({ status: "attempted", failStage: undefined });
});

test("a log without a summary says nothing", () => {
  expect(parseSbuildSummary("Status: successful\n")).toEqual({ status: undefined, failStage: undefined });
});
