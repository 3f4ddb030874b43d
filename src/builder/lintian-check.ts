import type { CheckResult } from "../buildorder/index.ts";
import type { EndedCommand } from "../runtime/index.ts";
import type { BuildWatch } from "./build-watch.ts";
import type { CheckLog } from "./check-log.ts";
import type { PreparedTestbed, TestbedSession } from "./environment.ts";
import { HeldLog } from "./held-log.ts";
import { lintianCommand } from "./lintian-preload.ts";
import { judgeLintianTags, parseLintianTags } from "./lintian-tags.ts";

/** What is read for tags; the log has all of it. */
const OUTPUT_BYTES_MAX = 4 * 1024 ** 2;
const INSIDE_PATH = "/build/lintian";

export interface LintianFiles {
  /** Holds the .changes and its files, and the .dsc with its files when the source is to be looked at. */
  readonly filesPath: string;
  /** Names in it. */
  readonly targets: readonly string[];
}

/**
 * lintian of the target release, in a session of its own. It is started while the package is still built, loads itself,
 * and waits. The files are only read by it: nothing of them is executed.
 */
export class LintianCheck {
  readonly #stop = new AbortController();
  readonly #log = new HeldLog();
  readonly #started: Promise<StartedLintian>;
  #watch: BuildWatch | undefined;

  /** Never throws: what goes wrong is thrown by `run`. To be closed in any case. */
  constructor(prepare: PrepareTestbed) {
    this.#started = this.#start(prepare);
    // Whoever closes it without running it does not want to know.
    this.#started.catch(() => {});
  }

  /** Once. Ends with the watch too. */
  async run(files: LintianFiles, { log, watch }: { log: CheckLog; watch: BuildWatch }): Promise<CheckResult> {
    const stop = (): void => this.#stop.abort();
    watch.signal.addEventListener("abort", stop, { once: true });
    if (watch.signal.aborted) stop();
    this.#watch = watch;
    this.#log.goTo(log);
    try {
      const { session, names, ended } = await this.#started;
      await session.copyIn(files.filesPath, INSIDE_PATH);
      names(files.targets.map((name) => `${INSIDE_PATH}/${name}\n`).join(""));
      return lintianResult(await ended);
    } finally {
      watch.signal.removeEventListener("abort", stop);
    }
  }

  /** Ends its session. */
  async close(): Promise<void> {
    this.#stop.abort();
    const started = await this.#started.catch(() => undefined);
    await started?.session.close();
  }

  async #start(prepare: PrepareTestbed): Promise<StartedLintian> {
    const { signal } = this.#stop;
    const testbed = await prepare(this.#log, signal);
    this.#log.line(testbed.summary);
    const session = await testbed.openSession({ signal });
    const { promise, resolve } = Promise.withResolvers<string>();
    return { session, names: resolve, ended: this.#startInside(session, promise) };
  }

  #startInside(session: TestbedSession, names: Promise<string>): Promise<EndedCommand> {
    // Ours is no distribution that lintian knows, and a port's or a mapped upload's differs from its changelog's.
    const suppressed = "bad-distribution-in-changes-file,distribution-and-changes-mismatch";
    return session.run({
      argv: lintianCommand(["--color=never", "--suppress-tags", suppressed]),
      cwd: "/tmp",
      env: { HOME: "/tmp" },
      input: names,
      signal: this.#stop.signal,
      outputBytesMax: OUTPUT_BYTES_MAX,
      onOutput: (chunk) => {
        this.#watch?.sawOutput();
        this.#log.output(chunk);
      },
    });
  }
}

export type PrepareTestbed = (log: CheckLog, signal: AbortSignal) => Promise<PreparedTestbed>;

interface StartedLintian {
  readonly session: TestbedSession;
  /** Gives it the paths, one a line. */
  readonly names: (paths: string) => void;
  readonly ended: Promise<EndedCommand>;
}

function lintianResult(ended: EndedCommand): CheckResult {
  const tags = parseLintianTags(ended.stdout.toString("utf8"));
  // 1 and 2 are "tags found" or "broke", the other way round in older versions: errors among the tags decide.
  const isBroken = ended.reason !== "exited" || (ended.exitCode !== 0 && !tags.some(({ level }) => level === "E"));
  if (!isBroken) return judgeLintianTags(tags);
  return {
    name: "lintian",
    outcome: "error",
    summary: `lintian itself failed (status ${ended.exitCode ?? ended.reason})`,
    tags,
  };
}
