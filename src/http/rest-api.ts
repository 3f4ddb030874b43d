import { createHash } from "node:crypto";
import { type Context, Hono } from "hono";
import { callOperation, type OperationContext } from "../handlers/index.ts";
import { type Operation, operations, parseArguments, restPath } from "../operations/index.ts";
import { AppError } from "../runtime/index.ts";
import type { HttpEnvironment } from "./environment.ts";
import { refuseForgedRequest } from "./forgery.ts";
import { openApiDocument } from "./openapi.ts";
import { bodyArguments, queryArguments, type RawArguments } from "./raw-arguments.ts";

type RestContext = Context<HttpEnvironment>;

/**
 * Our own routes: `GET /api/v1/<name>?…`, `POST` with a JSON body for what changes state; results as JSON. Answers to GET
 * have an ETag, and a `Link` to the next page where there is one.
 */
export function restApi(ctx: OperationContext): Hono<HttpEnvironment> {
  const app = new Hono<HttpEnvironment>();
  for (const operation of operations) {
    const path = `/api/v1/${restPath(operation)}`;
    if (operation.changesState) app.post(path, (c) => change(ctx, c, operation));
    else app.get(path, (c) => read(ctx, c, operation));
    app.all(path, (c) => refuseMethod(c, operation.changesState ? "POST" : "GET, HEAD"));
  }
  const document = JSON.stringify(openApiDocument(ctx.instance.version));
  app.get("/api/v1/openapi.json", (c) => jsonWithTag(c, document));
  app.all("/api/v1/openapi.json", (c) => refuseMethod(c, "GET, HEAD"));
  return app;
}

async function change(ctx: OperationContext, c: RestContext, operation: Operation): Promise<Response> {
  const raw = await bodyArguments(c);
  refuseForgedRequest(c, raw);
  return c.json((await call(ctx, c, operation, raw)) as object);
}

async function read(ctx: OperationContext, c: RestContext, operation: Operation): Promise<Response> {
  const raw = queryArguments(c);
  const result = await call(ctx, c, operation, raw);
  const next = operation.nextPage?.(result, parseArguments(operation, raw, { unknown: "refuse" }));
  if (next !== undefined) c.header("link", `<${pageAddress(operation, { ...raw, ...next })}>; rel="next"`);
  return jsonWithTag(c, JSON.stringify(result));
}

function call(ctx: OperationContext, c: RestContext, operation: Operation, raw: RawArguments): Promise<unknown> {
  return callOperation(ctx, { operation, raw, rules: { unknown: "refuse" }, visitor: c.get("visitor") });
}

function pageAddress(operation: Operation, raw: RawArguments): string {
  const texts = Object.entries(raw).map(([name, value]): [string, string] => [name, String(value)]);
  return `/api/v1/${restPath(operation)}?${new URLSearchParams(texts).toString()}`;
}

/** Whoever has this very answer already is told so. What it says depends on who asks: only their own cache may keep it. */
function jsonWithTag(c: RestContext, text: string): Response {
  const tag = `"${createHash("sha256").update(text).digest("base64url").slice(0, 27)}"`;
  c.header("etag", tag);
  c.header("cache-control", "private, no-cache");
  c.header("vary", "Authorization, Cookie");
  if (matches(c.req.header("if-none-match"), tag)) return c.body(null, 304);
  return c.body(text, 200, { "content-type": "application/json" });
}

/** RFC 9110: a list of tags, compared weakly, or "*". */
function matches(header: string | undefined, tag: string): boolean {
  const tags = (header ?? "").split(",").map((each) => each.trim().replace(/^W\//, ""));
  return tags.includes(tag) || tags.includes("*");
}

function refuseMethod(c: RestContext, allow: string): never {
  throw new AppError({
    kind: "invalid",
    code: "METHOD_NOT_ALLOWED",
    message: `${c.req.path} does not answer to ${c.req.method.slice(0, 20)}`,
    hint: `It answers to ${allow}; /api/v1/openapi.json has all there is`,
    facts: { allow },
  });
}
