import type { BuildResult } from "../buildorder/index.ts";
import type { StoredEvent } from "../events/index.ts";
import { fieldValue, parseDeb822Stanza } from "../formats/index.ts";
import type { ViewContext } from "./context.ts";

/** An event as the original's clients, hooks and mails have it. */
export interface OriginalEvent {
  readonly type: string;
  readonly distribution: string | null;
  readonly source: string | null;
  readonly version: string | null;
  /** ISO 8601 with microseconds and zone. */
  readonly timestamp: string;
  readonly extra: Readonly<Record<string, unknown>>;
}

/** Where this instance is reached. */
export interface OriginalPlace {
  readonly url: string;
  readonly incomingUrl: string;
}

const SBUILD_STATUS: Readonly<Record<string, string>> = {
  built: "successful",
  skipped: "skipped",
  "package-failed": "attempted",
  "environment-failed": "failed",
  "dependencies-missing": "given-back",
  cancelled: "given-back",
};

/** The shape of the original; what only its own machinery knows (sbuild's blocks, space used) is left out. */
export async function originalEvent(
  ctx: Pick<ViewContext, "db">,
  place: OriginalPlace,
  event: StoredEvent,
): Promise<OriginalEvent> {
  return {
    type: event.type,
    distribution: event.distribution ?? null,
    source: event.source ?? null,
    version: event.version ?? null,
    timestamp: event.occurredAt.toISOString().replace(/Z$/, "000+00:00"),
    extra:
      event.uploadId === undefined
        ? extraWithoutUpload(event)
        : await extraOfUpload(ctx, place, { ...event, uploadId: event.uploadId }),
  };
}

/** What was refused before it became an upload, migrated or removed: keys of the same form, made of the time. */
function extraWithoutUpload(event: StoredEvent): Record<string, unknown> {
  const digits = event.occurredAt.toISOString().replaceAll(/[^0-9]/g, "");
  const timecode = `${digits.slice(0, 8)}:${digits.slice(8, 14)}:${digits.slice(14)}000`;
  const key = `${event.source ?? ""}/${event.version ?? ""}/${timecode}`;
  const error = event.data["error"] === undefined ? {} : { error: errorOf(event) };
  return { ...event.data, ...keysOf(key, "source"), changes: null, ...error };
}

type UploadEvent = StoredEvent & { readonly uploadId: string };

async function extraOfUpload(
  ctx: Pick<ViewContext, "db">,
  place: OriginalPlace,
  event: UploadEvent,
): Promise<Record<string, unknown>> {
  if (event.type === "BUILDING") return buildExtra(place, event, architectureOf(event), { buildsAll: event.data["buildsAll"] });
  if (event.type === "BUILT") return { ...buildExtra(place, event, architectureOf(event), {}), ...sbuildFacts(event.data) };

  const upload = await ctx.db
    .selectFrom("uploads")
    .select(["changes_name", "changes_text", "state"])
    .where("id", "=", event.uploadId)
    .executeTakeFirst();
  const hasFiles = upload !== undefined && event.type !== "REJECTED";
  const extra = {
    ...keysOf(event.uploadId, "source"),
    changes: hasFiles ? `${event.uploadId}/source/${upload.changes_name}` : null,
    ...people(upload?.changes_text ?? ""),
  };
  if (event.type === "PACKAGING") return { ...extra, buildrequests: buildRequests(place, event) };
  const error = errorOf(event);
  if (event.type === "REJECTED") return { ...extra, error };

  const buildresults = await buildResults(ctx, place, event);
  return event.type === "FAILED"
    ? { ...extra, error, buildresults }
    : { ...extra, auto_ports: event.data["autoPorts"] ?? {}, buildresults };
}

function keysOf(uploadId: string, part: string): { timecode: string; key: string; bkey: string; architecture: string } {
  const timecode = uploadId.split("/")[2] ?? "";
  return { timecode, key: uploadId, bkey: `${uploadId}/${part}`, architecture: part };
}

function buildExtra(
  place: OriginalPlace,
  event: UploadEvent,
  architecture: string,
  facts: { readonly buildsAll?: unknown },
): Record<string, unknown> {
  const [source = "", version = ""] = event.uploadId.split("/");
  const buildlog = `${event.uploadId}/${architecture}/${source}_${version.replace(/^[0-9]+:/, "")}_${architecture}.buildlog`;
  return {
    ...keysOf(event.uploadId, architecture),
    // Builds of ours are ordered by rows: there is no build request to be read.
    changes: null,
    upload_to: place.incomingUrl,
    packager: place.url,
    builder: place.url,
    ...(facts.buildsAll === undefined ? {} : { arch_all: facts.buildsAll === true ? "Yes" : "No" }),
    buildlog,
    buildlog_building: `${place.url}/mini_buildd/builds-dir/${buildlog}`,
    buildlog_installed: `${place.url}/mini_buildd/events-dir/${buildlog}`,
  };
}

function sbuildFacts(data: Readonly<Record<string, unknown>>): Record<string, string> {
  const status = typeof data["status"] === "string" ? data["status"] : "";
  const checks = Array.isArray(data["checks"]) ? (data["checks"] as readonly { name?: unknown; outcome?: unknown }[]) : [];
  const outcomes = checks.map(({ name, outcome }) => [`sbuild_${String(name)}`, String(outcome)] as const);
  return { sbuild_status: SBUILD_STATUS[status] ?? status, ...Object.fromEntries(outcomes) };
}

function buildRequests(place: OriginalPlace, event: UploadEvent): Record<string, unknown> {
  const { architectures } = event.data;
  const names = Array.isArray(architectures) ? architectures.filter((name) => typeof name === "string") : [];
  return Object.fromEntries(names.map((name) => [name, buildExtra(place, event, name, {})]));
}

/** The newest attempt of each architecture that has ended. */
async function buildResults(
  ctx: Pick<ViewContext, "db">,
  place: OriginalPlace,
  event: UploadEvent,
): Promise<Record<string, unknown>> {
  const rows = await ctx.db
    .selectFrom("builds")
    .select(["architecture", "result"])
    .where("upload_id", "=", event.uploadId)
    .where("result", "is not", null)
    .orderBy("attempt")
    .execute();
  const entries = rows.map(({ architecture, result }) => {
    const { status, checks } = JSON.parse(result ?? "{}") as BuildResult;
    return [architecture, { ...buildExtra(place, event, architecture, {}), ...sbuildFacts({ status, checks }) }] as const;
  });
  return Object.fromEntries(entries);
}

/** What the original sends as RFC 7807. */
function errorOf({ data }: Pick<StoredEvent, "data">): Record<string, unknown> {
  const detail = typeof data["error"] === "string" ? data["error"] : "";
  const title = "Bad request syntax or unsupported method";
  return { type: "about:blank", status: 400, title, detail, instance: "about:blank" };
}

/** A rejected .changes is not kept, and one that was never readable names nobody. */
function people(changesText: string): Record<string, string> {
  try {
    const stanza = parseDeb822Stanza(changesText);
    const maintainer = fieldValue(stanza, "Maintainer");
    const changedBy = fieldValue(stanza, "Changed-By");
    return {
      ...(maintainer !== undefined && { maintainer }),
      ...(changedBy !== undefined && { changed_by: changedBy, originally_changed_by: changedBy }),
    };
  } catch {
    return {};
  }
}

function architectureOf(event: UploadEvent): string {
  return event.architecture ?? "source";
}
