import { type Database, WakeUp } from "../../database/index.ts";
import { EVENTS_TOPIC } from "../../events/index.ts";
import { AppError } from "../../runtime/index.ts";
import type { PackagerContext } from "../packager-context.ts";
import { autoPortsOf } from "./auto-ports.ts";
import { loadMadeSource, type MadeSource } from "./made-source.ts";
import { isTestPackage, TEST_PACKAGES } from "./test-trees.ts";

const POLL_INTERVAL_MS = 1_000;
const ENDS: Readonly<Record<string, string>> = { installed: "INSTALLED", rejected: "REJECTED", failed: "FAILED" };

/** How it stands with one that was asked for. */
export interface SourceProgress {
  readonly id: number;
  readonly source: string;
  readonly version: string;
  readonly distribution: string;
  /** The event that ended it; undefined: it is on its way. */
  readonly ending: "INSTALLED" | "REJECTED" | "FAILED" | undefined;
  readonly error: string | undefined;
}

/** Waits until all of them have ended, and the automatic ports of those that were installed. Throws SOURCES_LATE (unavailable). */
export async function awaitSources(context: PackagerContext, ids: readonly number[]): Promise<SourceProgress[]> {
  const { database, limits } = context;
  const signal = AbortSignal.timeout(limits.testPackagesWaitMsMax);
  const wakeUp = new WakeUp({ pollIntervalMs: POLL_INTERVAL_MS, signal });
  const stopListening = database.onWake(EVENTS_TOPIC, () => wakeUp.wake());
  try {
    for (;;) {
      wakeUp.reset();
      const progress = await lookAt(database, ids);
      if (progress.every(({ ending }) => ending !== undefined)) return progress;
      if (signal.aborted) throw sourcesLate(progress);
      await wakeUp.wait();
    }
  } finally {
    stopListening();
    wakeUp[Symbol.dispose]();
  }
}

/** The test packages are as they should be, or the reasons why not. Throws TEST_PACKAGES_WRONG (conflict). */
export function checkTests(progress: readonly SourceProgress[]): void {
  const wrong = progress.filter(({ source, ending }) => {
    const mustBeInstalled = !isTestPackage(source) || TEST_PACKAGES[source].mustBeInstalled;
    // Not taken at all is not what the failing one is for.
    return ending !== (mustBeInstalled ? "INSTALLED" : "FAILED");
  });
  if (wrong.length === 0) return;

  const described = wrong.map(
    ({ source, version, distribution, ending, error }) =>
      `${source} ${version} for ${distribution} is ${ending ?? "on its way"}${error === undefined ? "" : ` (${error})`}`,
  );
  throw new AppError({
    kind: "conflict",
    code: "TEST_PACKAGES_WRONG",
    message: `this instance does not do what it should: ${described.join("; ")}`,
    hint: "Read the logs of these builds; `mini-buildd doctor` looks at the machine",
  });
}

async function lookAt(database: Database, ids: readonly number[]): Promise<SourceProgress[]> {
  const found: SourceProgress[] = [];
  for (const id of ids) {
    const made = await loadMadeSource(database.read, id);
    const progress = await progressOf(database, made);
    found.push(progress);
    if (made.uploadId === undefined || progress.ending !== "INSTALLED") continue;
    const ports = await lookAt(database, await autoPortsOf(database.read, made.uploadId));
    found.push(...ports, ...missingPorts(made, ports));
  }
  return found;
}

/** Ports that were wanted, and could not even be asked for. */
function missingPorts({ id, source, version, request }: MadeSource, ports: readonly SourceProgress[]): SourceProgress[] {
  const wanted = request.kind === "test" ? request.autoPorts : [];
  const missing = wanted.filter((name) => !ports.some(({ distribution }) => distribution === name));
  const error = "its automatic port was refused: see the INSTALLED event";
  return missing.map((distribution) => ({ id, source, version, distribution, ending: "REJECTED", error }));
}

async function progressOf(database: Database, made: MadeSource): Promise<SourceProgress> {
  const { id, source, version, distribution, uploadId, problem } = made;
  const about = { id, source, version, distribution };
  if (uploadId === undefined)
    return { ...about, ending: made.state === "failed" ? "REJECTED" : undefined, error: problem?.message };

  const upload = await database.read
    .selectFrom("uploads")
    .select(["state", "problems"])
    .where("id", "=", uploadId)
    .executeTakeFirst();
  // Forgotten since: only what was rejected is.
  if (upload === undefined) return { ...about, ending: "REJECTED", error: undefined };
  const problems = JSON.parse(upload.problems) as { message: string }[];
  const error = problems.length === 0 ? undefined : problems.map(({ message }) => message).join("; ");
  return { ...about, ending: ENDS[upload.state] as SourceProgress["ending"], error };
}

function sourcesLate(progress: readonly SourceProgress[]): AppError {
  const open = progress.filter(({ ending }) => ending === undefined);
  return new AppError({
    kind: "unavailable",
    code: "SOURCES_LATE",
    message: `still on their way: ${open.map(({ source, version }) => `${source} ${version}`).join(", ")}`,
    hint: "They go on; `mini-buildd events` shows how. limits.testPackagesWaitMsMax is how long they are waited for",
  });
}
