import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

type GarbageCollector = (options: { type: "major"; execution: "sync"; flavor: "regular" | "last-resort" }) => void;

let collector: GarbageCollector | undefined;

/** All of it, at once: blocks the event loop, for some 50 ms with a heap of 60 MB. As the last resort also what only speeds things up. */
export function collectGarbage({ isLastResort = false }: { readonly isLastResort?: boolean } = {}): void {
  collector ??= findCollector();
  collector({ type: "major", execution: "sync", flavor: isLastResort ? "last-resort" : "regular" });
}

/** A context that is made after the flag has it. */
function findCollector(): GarbageCollector {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as GarbageCollector;
}
