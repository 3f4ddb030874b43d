import { type Context, Hono } from "hono";
import { callOperation, type OperationContext } from "../handlers/index.ts";
import { type Operation, operations, restPath } from "../operations/index.ts";
import type { HttpEnvironment } from "./environment.ts";
import { refuseForgedRequest } from "./forgery.ts";
import { openApiDocument } from "./openapi.ts";
import { bodyArguments, queryArguments, type RawArguments } from "./raw-arguments.ts";

/** Our own routes: `GET /api/v1/<name>?…`, `POST` with a JSON body for what changes state; results as JSON. */
export function restApi(ctx: OperationContext): Hono<HttpEnvironment> {
  const app = new Hono<HttpEnvironment>();
  for (const operation of operations) {
    const path = `/api/v1/${restPath(operation)}`;
    const answer = async (c: Context<HttpEnvironment>): Promise<Response> => {
      const raw = operation.changesState ? await bodyArguments(c) : queryArguments(c);
      if (operation.changesState) refuseForgedRequest(c, raw);
      return c.json((await call(ctx, c, operation, raw)) as object);
    };
    if (operation.changesState) app.post(path, answer);
    else app.get(path, answer);
  }
  const document = openApiDocument(ctx.instance.version);
  app.get("/api/v1/openapi.json", (c) => c.json(document));
  return app;
}

function call(ctx: OperationContext, c: Context<HttpEnvironment>, operation: Operation, raw: RawArguments): Promise<unknown> {
  return callOperation(ctx, { operation, raw, rules: { unknown: "refuse" }, visitor: c.get("visitor") });
}
