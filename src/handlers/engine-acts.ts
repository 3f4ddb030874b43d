/** What runs by itself, and how an administrator meddles with it; `daemon` makes it. */
export interface EngineActs {
  /** No builds are taken until start. */
  readonly isStopped: () => boolean;
  start(): void;
  /** Running builds go back to the queue. */
  stop(): void;
  cronjobs(): Promise<readonly { id: string; interval_ms: number; next_run_at: string }[]>;
  /** Throws SCHEDULE_UNKNOWN (not-found). */
  runCronjob(id: string): Promise<void>;
  /** By codename:architecture; undefined: all. What each gave: "Success", or why not. */
  remakeBaseLayers(keys: readonly string[] | undefined): Promise<Record<string, string>>;
  republish(repositories: readonly string[] | undefined): Promise<void>;
}
