import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

type GarbageCollector = (options: { type: "major"; execution: "sync"; flavor: "regular" | "last-resort" }) => void;

/** All of it, at once: blocks the event loop, for some 50 ms with a heap of 60 MB. As the last resort also what only speeds things up. */
export function collectGarbage({ isLastResort = false }: { readonly isLastResort?: boolean } = {}): void {
  // A context that is made after the flag has it. Not kept: it takes a megabyte.
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as GarbageCollector;
  collect({ type: "major", execution: "sync", flavor: isLastResort ? "last-resort" : "regular" });
}
