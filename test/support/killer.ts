/**
 * A process of its own that watches a daemon from outside and kills it with SIGKILL at a chosen moment: when an event
 * that fits arrives over HTTP, or when a program of the given name runs in one of its testbeds.
 * Usage: node killer.ts URL PID AFTER-EVENT-ID {"type": …, "data": {…}, "delayMs": …} | {"program": "cc1"}
 * Prints "watching" once it does, and "killed" when it has.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

interface Moment {
  readonly type?: string;
  readonly source?: string;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly program?: string;
  /** Between the event and the kill. */
  readonly delayMs?: number;
}

const [url = "", pidText = "", afterId = "0", momentText = "{}"] = process.argv.slice(2);
const pid = Number(pidText);
const moment = JSON.parse(momentText) as Moment;

if (moment.program === undefined) await untilEvent();
else await untilProgram(moment.program);
process.kill(pid, "SIGKILL");
process.stdout.write("killed\n");
process.exit(0);

async function untilEvent(): Promise<void> {
  const response = await fetch(`${url}/api/v1/events?after=${afterId}&types=all`, { headers: { accept: "text/event-stream" } });
  if (response.body === null) throw new Error("no event stream");
  process.stdout.write("watching\n");
  let rest = "";
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (!line.startsWith("data:") || !fits(JSON.parse(line.slice(5)) as Record<string, unknown>)) continue;
      if (moment.delayMs !== undefined) await delay(moment.delayMs);
      return;
    }
  }
  throw new Error("the event stream ended before the moment came");
}

function fits(event: Record<string, unknown>): boolean {
  const data = event["data"] as Record<string, unknown>;
  if (event["type"] !== moment.type) return false;
  if (moment.source !== undefined && event["source"] !== moment.source) return false;
  return Object.entries(moment.data ?? {}).every(([name, value]) => data[name] === value);
}

/** Run by a subordinate user, as everything in testbeds is. */
async function untilProgram(name: string): Promise<void> {
  process.stdout.write("watching\n");
  while (!isRunning(name)) await delay(2);
}

function isRunning(name: string): boolean {
  return readdirSync("/proc").some((entry) => {
    if (!/^[0-9]+$/.test(entry)) return false;
    try {
      return readFileSync(`/proc/${entry}/comm`, "utf8").trim() === name && statSync(`/proc/${entry}`).uid >= 65_536;
    } catch {
      // It ended meanwhile.
      return false;
    }
  });
}
