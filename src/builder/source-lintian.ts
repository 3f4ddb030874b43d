import type { CheckResult } from "../buildorder/index.ts";
import type { BuildWatch } from "./build-watch.ts";
import type { CheckLog } from "./check-log.ts";
import { HeldLog } from "./held-log.ts";
import { LintianCheck, type LintianFiles, type PrepareTestbed } from "./lintian-check.ts";
import { judgeLintianTags } from "./lintian-tags.ts";

export interface SourceLintianParts {
  readonly prepare: PrepareTestbed;
  readonly collectFiles: () => Promise<LintianFiles>;
  /** Runs it under the build's limits. */
  readonly watched: (work: (watch: BuildWatch) => Promise<CheckResult>) => Promise<CheckResult>;
}

/** lintian on the source package alone, while that is built: nobody waits for it. To be closed in any case. */
export class SourceLintian {
  readonly #check: LintianCheck;
  readonly #log = new HeldLog();
  readonly #result: Promise<CheckResult>;

  /** Never throws: what goes wrong is thrown by `result`. */
  constructor({ prepare, collectFiles, watched }: SourceLintianParts) {
    this.#check = new LintianCheck(prepare);
    this.#result = watched(async (watch) => this.#check.run(await collectFiles(), { log: this.#log, watch }));
    // Whoever closes it before its end does not want to know.
    this.#result.catch(() => {});
  }

  /** What it found. From now on its output goes to `log`. */
  async result(log: CheckLog): Promise<CheckResult> {
    this.#log.goTo(log);
    return this.#result;
  }

  async close(): Promise<void> {
    await this.#check.close();
  }
}

/** Of the source package and of what was built, as one. One that is broken speaks for both. */
export function joinLintianResults(results: readonly CheckResult[]): CheckResult {
  const broken = results.find(({ outcome }) => outcome === "error");
  const tags = results.flatMap((result) => result.tags);
  return broken === undefined ? judgeLintianTags(tags) : { ...broken, tags };
}
