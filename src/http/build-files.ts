import { realpath } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { type Context, Hono } from "hono";
import type { InstanceFacts } from "../handlers/index.ts";
import { AppError } from "../runtime/index.ts";
import { checkEventTypes, originalEvent, pathOfId, type ViewContext } from "../views/index.ts";
import { contentType } from "./delivery/file-headers.ts";
import { openInside } from "./delivery/open-inside.ts";
import type { HttpEnvironment } from "./environment.ts";

/** Where the original shows files of uploads and builds, as pages of directories and as files. */
const PLACES = ["/static/builds/", "/static/events/", "/mini_buildd/builds-dir/", "/mini_buildd/events-dir/"];
/** Debian's file names, and the parts of our ids: no slash, no leading dot. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9+.~_:-]*$/;

interface Parts {
  readonly views: ViewContext;
  readonly instance: InstanceFacts;
}

/**
 * The original's addresses of what belongs to uploads: `…/<source>/<version>/<timecode>/<source|architecture>/<file>`.
 * Build logs and events are not files here: a log leads to where it is read, an event is made from its row. Directories
 * lead to the page of the upload.
 */
export function buildFiles(parts: Parts): Hono<HttpEnvironment> {
  const app = new Hono<HttpEnvironment>();
  for (const place of PLACES) app.get(`${place}*`, (c) => answer(parts, c, namesOf(c, place)));
  app.get("/mini_buildd/repositories-dir/*", (c) =>
    c.redirect(`/repositories/${namesOf(c, "/mini_buildd/repositories-dir/").join("/")}`),
  );
  return app;
}

async function answer(parts: Parts, c: Context<HttpEnvironment>, names: readonly string[]): Promise<Response> {
  const uploadId = names.slice(0, 3).join("/");
  const [source, , , directory = "", file] = names;
  if (names.length < 3)
    return c.redirect(`/mini_buildd/uploads/${source === undefined ? "" : `?source=${encodeURIComponent(source)}`}`);
  if (file === undefined) return c.redirect(`/mini_buildd/uploads/${pathOfId(uploadId)}/`);
  if (names.length > 5) throw notFound(c);

  if (file.endsWith(".buildlog")) return c.redirect(`/api/v1/builds/${pathOfId(`${uploadId}/${directory}`)}/log`);
  if (file.endsWith(".json")) return eventAnswer(parts, c, { uploadId, directory, file });
  return fileAnswer(parts, c, names);
}

/** `<source>_<version>_<TYPE>[_<architecture>].json` */
async function eventAnswer(
  { views, instance }: Parts,
  c: Context<HttpEnvironment>,
  { uploadId, directory, file }: { uploadId: string; directory: string; file: string },
): Promise<Response> {
  const [, type] = /_([A-Z]+)(?:_[a-z0-9-]+)?\.json$/.exec(file) ?? [];
  if (type === undefined) throw notFound(c);

  const events = await views.events.list({ uploadId, types: checkEventTypes([type]), limit: 100 });
  const event = events.find(({ architecture }) => (architecture ?? "source") === directory);
  if (event === undefined) throw notFound(c);
  const place = { url: instance.url, incomingUrl: `ftp://${instance.hostname}:${instance.ftpPort}` };
  return c.json(await originalEvent(views, place, event));
}

async function fileAnswer({ views }: Parts, c: Context<HttpEnvironment>, names: readonly string[]): Promise<Response> {
  const root = await realpath(views.buildsPath);
  const handle = await openInside(join(root, ...names), root);
  if (handle === undefined) throw notFound(c);

  const stats = await handle.stat();
  if (!stats.isFile()) {
    await handle.close();
    throw notFound(c);
  }
  const body = Readable.toWeb(handle.createReadStream()) as ReadableStream<Uint8Array>;
  return c.body(body, 200, { "content-type": contentType(names.at(-1) ?? "", false), "content-length": String(stats.size) });
}

function namesOf(c: Context<HttpEnvironment>, place: string): string[] {
  const names = c.req.path
    .slice(place.length)
    .split("/")
    .filter((name) => name !== "")
    .map(decoded);
  if (names.every((name) => NAME.test(name))) return names;
  throw notFound(c);
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return "";
  }
}

function notFound(c: Context<HttpEnvironment>): AppError {
  return new AppError({
    kind: "not-found",
    code: "PATH_NOT_FOUND",
    message: `nothing answers to ${c.req.method} ${c.req.path.slice(0, 200)}`,
    hint: "Files of uploads are removed after a time; see the page of the upload",
  });
}
