import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { type CallArguments, type Client, eventFeed, parseMessages } from "../client/index.ts";
import { type Changes, parseChanges } from "../formats/index.ts";
import { type EventView, events } from "../operations/index.ts";
import { AppError } from "../runtime/index.ts";
import type { CommandContext } from "./command-context.ts";
import { StepProgress } from "./step-progress.ts";
import { printable } from "./table.ts";
import { type UploadEnd, UploadStory, type UploadSubject } from "./upload-story.ts";

/** A daemon that is started again meanwhile is waited for. */
const ABSENCE_MS_MAX = 120_000;

export async function readChanges(path: string): Promise<Changes> {
  try {
    return parseChanges(await readFile(path), basename(path));
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError({
      kind: "invalid",
      code: "CHANGES_UNREADABLE",
      message: `${path} cannot be read`,
      hint: "Give the path of a .changes file",
      cause: error,
    });
  }
}

export function subjectOf(changes: Changes, path: string): UploadSubject {
  const fileNames = changes.files.map((file) => file.name);
  return { source: changes.source, version: changes.version, changesName: basename(path), fileNames };
}

/** Id of the newest event: what comes after it is new. */
export async function newestEventId(client: Client): Promise<number> {
  const [newest] = await listEvents(client, { types: ["all"], limit: 1 });
  return newest?.id ?? 0;
}

/** From where to read the newest attempt of an upload that may have come before, or been refused; now, if it has not. */
export async function startOfNewestAttempt(client: Client, subject: UploadSubject): Promise<number> {
  const newest = await newestEventId(client);
  const candidates = await listEvents(client, {
    source: subject.source,
    types: ["upload-state", "delivery", "REJECTED"],
    limit: 500,
  });
  const first = candidates.find((event) => event.version === subject.version && beginsAttempt(event));
  return first === undefined ? newest : first.id - 1;
}

/** What is rejected or refused before it becomes an upload has no other event. */
function beginsAttempt({ type, upload, data }: EventView): boolean {
  if (type === "upload-state") return data["to"] === "received";
  return upload === null && (type === "REJECTED" || data["outcome"] === "refused");
}

async function listEvents(client: Client, query: CallArguments<(typeof events)["parameters"]>): Promise<EventView[]> {
  return (await client.call(events, query)).events;
}

/** Tell an upload's way until it ends. */
export async function followUpload(
  ctx: CommandContext,
  client: Client,
  { subject, afterId }: { readonly subject: UploadSubject; readonly afterId: number },
): Promise<UploadEnd> {
  const story = new UploadStory(subject, (line) => ctx.print(line));
  const stop = new AbortController();
  const signal = AbortSignal.any([ctx.signal, stop.signal]);
  const progress = new StepProgress({
    tell: (line) => ctx.print(printable(line)),
    readLog: (buildId, ended) => readLog(client, buildId, AbortSignal.any([signal, ended])),
  });
  try {
    for await (const event of eventFeed(client.api, { afterId, types: ["all"], signal, absenceMsMax: ABSENCE_MS_MAX })) {
      const end = story.take(event);
      if (event.upload !== null && event.upload === story.uploadId) progress.take(event);
      if (end === "published" && (await isPublishedAgain(client, event))) continue;
      if (end !== undefined) return end;
    }
  } finally {
    progress.close();
    stop.abort();
  }
  throw new AppError({
    kind: "conflict",
    code: "INTERRUPTED",
    message: `stopped waiting for ${subject.changesName}; it goes on`,
  });
}

async function* readLog(client: Client, buildId: string, signal: AbortSignal): AsyncGenerator<string> {
  const path = `/api/v1/builds/${buildId.split("/").map(encodeURIComponent).join("/")}/log`;
  const answer = await client.api.open({ method: "GET", path, headers: { accept: "text/event-stream" }, signal, isStream: true });
  try {
    for await (const piece of parseMessages<string | null>(answer)) if (piece !== null) yield piece;
  } finally {
    answer.destroy();
  }
}

/**
 * A change that came while a generation was being made is not in it: then the next one became pending in the same
 * transaction in which this one was published.
 */
async function isPublishedAgain(client: Client, published: EventView): Promise<boolean> {
  const [next] = await listEvents(client, { types: ["publication-state"], after: published.id, limit: 1 });
  return next?.id === published.id + 1 && next.distribution === published.distribution && next.data["to"] === "pending";
}
