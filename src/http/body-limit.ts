import type { MiddlewareHandler } from "hono";
import { AppError } from "../runtime/index.ts";
import type { HttpEnvironment } from "./environment.ts";

/**
 * Bodies say how long they are, before they are read: Node holds a client to it. Hono's own limit makes a new Request of
 * what has no length, which fails on what the server's adapter gives.
 */
export function limitBody(sizeBytesMax: number): MiddlewareHandler<HttpEnvironment> {
  return async (c, next) => {
    if (c.req.header("transfer-encoding") !== undefined) throw lengthMissing();
    if (Number(c.req.header("content-length") ?? 0) > sizeBytesMax) throw bodyTooLarge(sizeBytesMax);
    await next();
  };
}

function lengthMissing(): AppError {
  return new AppError({
    kind: "invalid",
    code: "BODY_LENGTH_MISSING",
    message: "the body of the request does not say how long it is",
    hint: "Send Content-Length instead of Transfer-Encoding; files are uploaded by dput, or by PUT /upload/<file>",
  });
}

function bodyTooLarge(sizeBytesMax: number): AppError {
  return new AppError({
    kind: "invalid",
    code: "BODY_TOO_LARGE",
    message: `the body of the request is larger than ${sizeBytesMax} bytes`,
    hint: "Files are uploaded by dput, or by PUT /upload/<file>",
  });
}
