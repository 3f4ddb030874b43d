import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Hono } from "hono";

const TYPES = {
  "style.css": "text/css; charset=utf-8",
  "live.js": "text/javascript; charset=utf-8",
  "log.js": "text/javascript; charset=utf-8",
  "daemon-log.js": "text/javascript; charset=utf-8",
  "favicon.svg": "image/svg+xml",
} as const;

export type StaticName = keyof typeof TYPES;

/** Our few files, read once at start; their address holds their hash, so that browsers may keep them for ever. */
export class StaticFiles {
  readonly #files = new Map<string, { readonly content: string; readonly tag: string; readonly type: string }>();

  constructor(directory = join(import.meta.dirname, "static")) {
    for (const [name, type] of Object.entries(TYPES)) {
      const content = readFileSync(join(directory, name), "utf8");
      this.#files.set(name, { content, type, tag: createHash("sha256").update(content).digest("hex").slice(0, 16) });
    }
  }

  url(name: StaticName): string {
    return `/static/app/${name}?v=${this.#files.get(name)?.tag}`;
  }

  app(): Hono {
    const app = new Hono();
    // What browsers ask for on pages that are not ours to write, such as plain text.
    app.get("/favicon.ico", (c) => c.redirect(this.url("favicon.svg")));
    app.get("/static/app/:name", (c) => {
      const file = this.#files.get(c.req.param("name"));
      if (file === undefined) return c.notFound();

      const isCurrent = c.req.query("v") === file.tag;
      const etag = `"${file.tag}"`;
      const headers = { etag, "cache-control": isCurrent ? "public, max-age=31536000, immutable" : "no-cache" };
      if (c.req.header("if-none-match") === etag) return c.body(null, 304, headers);
      return c.body(file.content, 200, { ...headers, "content-type": file.type });
    });
    return app;
  }
}
