/**
 * The states of a build. A row is one attempt; a further attempt at the same architecture is a new row.
 *
 * - waiting: ordered; any builder of its architecture may lease it from `not_before` on, or earlier when the build
 *   dependencies that it waits for (`waits_for`) may have come. Left when leased or cancelled.
 * - leased: one builder works on it and renews the lease. Left when it reports a result, is cancelled, or stops renewing.
 * - done: the builder reported a result. When that is the environment's failure, or build dependencies are missing, a
 *   new attempt waits (as long as attempts are left, or it has not waited too long); else this architecture has ended.
 * - cancelled: somebody did not want it any more; the architecture has ended.
 * - lost: the builder went away; a new attempt waits.
 *
 * A state added here also needs a label in web/labels and a look at the kill test, which reads this table.
 */
export const BUILD_STATES = {
  waiting: ["leased", "cancelled"],
  leased: ["done", "cancelled", "lost"],
  done: [],
  cancelled: [],
  lost: [],
} as const satisfies Record<string, readonly string[]>;

export type BuildState = keyof typeof BUILD_STATES;

/** States in which an attempt is still on its way. */
export const LIVE_BUILD_STATES = (Object.keys(BUILD_STATES) as BuildState[]).filter((state) => BUILD_STATES[state].length > 0);
