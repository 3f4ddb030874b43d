import { type Context, Hono } from "hono";
import { callOperation, type OperationContext, requirePermission } from "../handlers/index.ts";
import { findOperation, type Operation } from "../operations/index.ts";
import { AppError } from "../runtime/index.ts";
import type { HttpEnvironment } from "./environment.ts";
import { refuseForgedRequest } from "./forgery.ts";
import { bodyArguments, queryArguments, type RawArguments } from "./raw-arguments.ts";

/** Shows a result on a page; given by `web`. */
export type ResultPage = (operation: Operation, result: unknown) => string | Promise<string>;

/** The original's calls: `/mini_buildd/api/<call>/?…&output=html|plain|json[&confirm=<call>]`. */
export function originalApi(ctx: OperationContext, resultPage: ResultPage | undefined): Hono<HttpEnvironment> {
  const app = new Hono<HttpEnvironment>();
  const answer = async (c: Context<HttpEnvironment>): Promise<Response> => {
    const raw = c.req.method === "POST" ? { ...queryArguments(c), ...(await bodyArguments(c)) } : queryArguments(c);
    const operation = requireOperation(c.req.param("call") ?? "");
    const call = { operation, raw, rules: { unknown: "ignore" }, visitor: c.get("visitor") } as const;
    await requirePermission(ctx, call);
    if (operation.changesState) {
      requireConfirmation(operation, raw);
      refuseForgedRequest(c, raw);
    }

    const result = await callOperation(ctx, call);
    const next = typeof raw["next"] === "string" ? raw["next"] : "";
    if (c.req.method === "POST" && isOwnPage(next)) return c.redirect(next, 303);
    return resultResponse(c, { operation, result, output: outputOf(c, raw), resultPage });
  };
  app.on(["GET", "POST"], ["/mini_buildd/api/:call/", "/mini_buildd/api/:call"], answer);
  return app;
}

/** Our own forms say where to go on: to a page of ours. */
function isOwnPage(path: string): boolean {
  return /^\/(?:accounts|admin|mini_buildd)\/[\w./:~+%-]*$/.test(path);
}

interface Answer {
  readonly operation: Operation;
  readonly result: unknown;
  readonly output: string;
  readonly resultPage: ResultPage | undefined;
}

async function resultResponse(c: Context, answer: Answer): Promise<Response> {
  const { operation, result, output, resultPage } = answer;
  if (output === "json") return c.json(result as object);
  if (output === "html" && resultPage !== undefined) return c.html(await resultPage(operation, result));
  return c.text(typeof result === "string" ? result : `${JSON.stringify(result, null, 2)}\n`);
}

/** As asked for; else a browser gets a page, and a program JSON, as scripts made for the original expect it. */
function outputOf(c: Context, raw: RawArguments): string {
  const asked = typeof raw["output"] === "string" ? raw["output"] : undefined;
  if (asked !== undefined) return asked;

  return (c.req.header("accept") ?? "").includes("text/html") ? "html" : "json";
}

function requireOperation(name: string): Operation {
  const operation = findOperation(name);
  if (operation !== undefined) return operation;

  throw new AppError({
    kind: "not-found",
    code: "API_CALL_UNKNOWN",
    message: `there is no API call '${name.slice(0, 100)}'`,
    hint: "GET /api/v1/openapi.json lists all calls",
  });
}

/** What changes state is not done by following a link: its name must be given once more. */
function requireConfirmation(operation: Operation, raw: RawArguments): void {
  if (!operation.changesState || raw["confirm"] === operation.name) return;

  throw new AppError({
    kind: "invalid",
    code: "CONFIRMATION_MISSING",
    message: `API call '${operation.name}' needs to be confirmed: ${operation.name}`,
    hint: `Add confirm=${operation.name} to the arguments`,
  });
}
