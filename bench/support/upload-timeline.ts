import type { ApiEvent } from "../../test/support/daemon.ts";

/** Parts of an upload's way, in order, with what ends each. */
const PARTS: readonly { readonly name: string; readonly ends: (event: ApiEvent) => boolean }[] = [
  { name: "receive and check", ends: isState("upload-state", "building") },
  { name: "wait for the builder", ends: isState("build-state", "leased") },
  { name: "prepare", ends: isStepEnd("prepare") },
  { name: "build", ends: isStepEnd("build") },
  { name: "checks", ends: isStepEnd("checks") },
  { name: "deliver", ends: isStepEnd("deliver") },
  { name: "record and judge", ends: isState("upload-state", "installing") },
  { name: "install", ends: isState("upload-state", "installed") },
  { name: "publish", ends: isState("publication-state", "published") },
];

export const TIMELINE_PARTS: readonly string[] = [...PARTS.map(({ name }) => name), "apt-get update"];

export interface TimelineOptions {
  /** When dput ended. */
  readonly startMs: number;
  /** When apt had listed it. */
  readonly endMs: number;
}

/** Seconds of each part. The first may be negative: dput ends after its last file is in. */
export function measureTimeline(events: readonly ApiEvent[], { startMs, endMs }: TimelineOptions): Record<string, number> {
  const seconds: Record<string, number> = {};
  let fromMs = startMs;
  let rest = events;
  for (const { name, ends } of PARTS) {
    const index = rest.findIndex(ends);
    const event = rest[index];
    if (event === undefined) throw new Error(`no event ends "${name}" in ${JSON.stringify(events)}`);
    const atMs = Date.parse(event.timestamp);
    seconds[name] = (atMs - fromMs) / 1_000;
    [fromMs, rest] = [atMs, rest.slice(index + 1)];
  }
  return { ...seconds, "apt-get update": (endMs - fromMs) / 1_000 };
}

function isState(type: string, state: string): (event: ApiEvent) => boolean {
  return (event) => event.type === type && event.data["to"] === state;
}

function isStepEnd(step: string): (event: ApiEvent) => boolean {
  return (event) => event.type === "build-step" && event.data["step"] === step && event.data["type"] === "ended";
}
