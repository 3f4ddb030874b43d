import type { keyringPackages, port, ResultOf, rebuild } from "../operations/index.ts";
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

export function formatRebuild({ version, upload, notes, ...result }: ResultOf<typeof rebuild>): string {
  const what = result.method === "binnmu" ? `binNMU of ${result.source_version}` : `port of ${result.source_version}`;
  const rows = [
    ["distribution", result.distribution],
    ["architectures", result.architectures.join(", ") || "all"],
    ["upload", upload ?? "its source is being made"],
    ...notes.map((note) => ["note", note]),
  ];
  return formatTable([`${result.source} ${version}`, what], rows);
}
