/** What is measured at each size, in this order; values in seconds, but for the memory. */
export const ACTS = [
  "import all and publish",
  "add one and publish",
  "commit to new InRelease",
  "migrate one and publish",
  "snapshot",
  "remove one and publish",
  "clean up",
  "peak memory",
] as const;
export type Act = (typeof ACTS)[number];

/** A value for each round; acts that a side does not have are not there. */
export type ActValues = { [name in Act]?: number[] };

/** What a side gets: packages to begin with, and one more for each round. */
export interface ArchiveTask {
  readonly scratchPath: string;
  readonly initialDirectory: string;
  readonly furtherPaths: readonly string[];
  /** Names of source packages that may go: one for each round. */
  readonly expendable: readonly string[];
  readonly keyHomePath: string;
  readonly keyFingerprint: string;
}

/** One program that keeps an archive. */
export interface ArchiveSide {
  readonly name: string;
  measure(task: ArchiveTask): Promise<ActValues>;
}

/** Seconds that something takes. */
export async function secondsOf(act: () => Promise<unknown>): Promise<number> {
  const startedAtMs = performance.now();
  await act();
  return (performance.now() - startedAtMs) / 1000;
}
