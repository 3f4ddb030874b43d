/**
 * A process that runs one build with the fake sbuild and prints the build's log: what a daemon is, to the sbuild that it
 * started. Usage: daemon-with-build.ts SOURCE_DIRECTORY OUTPUT_DIRECTORY ORDER_JSON
 */
import type { BuildOrder } from "../../src/buildorder/index.ts";
import { fakeBuildRunner } from "./build-environment.ts";

const [sourceDirectory = "", outputDirectory = "", order = ""] = process.argv.slice(2);
await fakeBuildRunner()(JSON.parse(order) as BuildOrder, {
  sourceDirectory,
  outputDirectory,
  logSink: { write: (chunk) => void process.stdout.write(chunk) },
  report: async () => undefined,
  signal: new AbortController().signal,
  jobs: 1,
});
