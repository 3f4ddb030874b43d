import type { keyringPackages, port, ResultOf } from "../operations/index.ts";
import { formatTable } from "./table.ts";

/** What will be built; and how it ended, where that was waited for. */
export function formatPorts(result: ResultOf<typeof port> | ResultOf<typeof keyringPackages>): string {
  const rows = result.map((made) => [
    made.source,
    made.version,
    made.distribution,
    "event" in made && made.event !== null ? made.event : "on its way",
  ]);
  const [first, ...rest] = rows;
  return first === undefined ? "nothing to build\n" : formatTable(first, rest);
}
