import { parseMessages } from "../client/index.ts";
import { type LogLineView, log, parseArguments } from "../operations/index.ts";
import type { CommandContext } from "./command-context.ts";
import { formatLogLine } from "./format-log.ts";

/** The newest lines of the daemon's log, then those that come, until interrupted or the daemon stops. */
export async function followLog(
  ctx: CommandContext,
  { raw, asJson }: { readonly raw: Readonly<Record<string, unknown>>; readonly asJson: boolean },
): Promise<void> {
  const { lines: _, ...filter } = parseArguments(log, raw, { unknown: "refuse" });
  const given = Object.entries(filter).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const client = await ctx.connect({ isForOwner: true });
  const { signal } = ctx;
  const stream = await client.api.open({
    method: "GET",
    path: `/api/v1/log?${new URLSearchParams(given).toString()}`,
    headers: { accept: "text/event-stream" },
    signal,
    isStream: true,
  });
  const show = (line: LogLineView): void => ctx.print(asJson ? `${JSON.stringify(line)}\n` : formatLogLine(line));

  // Asked for while the stream is open already: none is lost in between, and those that come both ways are shown once.
  const { lines } = log.result.parse(await client.callRaw(log, raw, { signal }));
  const shown = new Set(lines.map((line) => JSON.stringify(line)));
  for (const line of lines) show(line);
  for await (const line of parseMessages<LogLineView>(stream)) if (!shown.has(JSON.stringify(line))) show(line);
}
