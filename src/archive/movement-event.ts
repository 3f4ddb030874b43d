import type { Transaction } from "../database/index.ts";
import { recordEvent } from "../events/index.ts";

export interface Movement {
  /** As the original calls it: MIGRATED when something entered, REMOVED when something only left. */
  readonly type: "MIGRATED" | "REMOVED";
  readonly distribution: string;
  readonly source: string;
  readonly version: string;
  /** What it was, by whom, and what else it did. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** The fact, in the transaction that makes it true, with the keys that the original's events have. */
export async function recordMovement(tx: Transaction, { type, distribution, source, version, data }: Movement): Promise<void> {
  const timecode = formatTimecode(tx.now());
  const key = `${source}/${version}/${timecode}`;
  const original = { timecode, key, bkey: `${key}/source`, changes: null, architecture: "source" };
  await recordEvent(tx, {
    type,
    distribution,
    source,
    version,
    architecture: "source",
    data: { ...original, ...data },
  });
}

/** `20261122:130621:734000` */
function formatTimecode(at: Date): string {
  const [, date = "", time = "", milliseconds = ""] = /^(.*)T(.*)\.(.*)Z$/.exec(at.toISOString()) ?? [];
  return `${date.replaceAll("-", "")}:${time.replaceAll(":", "")}:${milliseconds}000`;
}
