import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { problemDetails as detailsOf, PROBLEM_TYPE, type ProblemDetails } from "../operations/index.ts";
import { type AppError, asAppError, type ErrorKind, type Logger } from "../runtime/index.ts";

const STATUS: Readonly<Record<ErrorKind, ContentfulStatusCode>> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  "not-found": 404,
  conflict: 409,
  unavailable: 503,
  bug: 500,
};

/** Statuses of HTTP's own, narrower than those of kinds. */
const STATUS_OF_CODE: Readonly<Record<string, ContentfulStatusCode>> = {
  RATE_LIMITED: 429,
  METHOD_NOT_ALLOWED: 405,
  BODY_LENGTH_MISSING: 411,
};

/** As the original's RFC 7807, plus our code and hint. */
export function problemDetails(error: AppError): ProblemDetails {
  return detailsOf(STATUS_OF_CODE[error.code] ?? STATUS[error.kind], error);
}

/** Shows a problem on a page; given by `web`. */
export type ErrorPage = (problem: ProblemDetails) => string | Promise<string>;

export interface ProblemAnswers {
  readonly logger: Logger;
  readonly errorPage: ErrorPage | undefined;
}

/** Anything thrown, as the answer: a page for browsers, else problem details. What is our fault is logged with its causes. */
export async function problemResponse(c: Context, thrown: unknown, answers: ProblemAnswers): Promise<Response> {
  const error = asAppError(thrown);
  logProblem(c, error, answers.logger);
  const details = problemDetails(error);
  const status = details.status as ContentfulStatusCode;
  const { retryAfterSeconds, allow } = error.facts ?? {};
  if (typeof retryAfterSeconds === "number") c.header("retry-after", String(retryAfterSeconds));
  if (typeof allow === "string") c.header("allow", allow);
  const wantsPage = c.req.query("output") !== "json" && (c.req.header("accept") ?? "").includes("text/html");
  if (wantsPage && answers.errorPage !== undefined) {
    return c.body(await answers.errorPage(details), status, { "content-type": "text/html; charset=utf-8" });
  }
  return c.body(JSON.stringify(details), status, { "content-type": PROBLEM_TYPE });
}

function logProblem(c: Context, error: AppError, logger: Logger): void {
  const fields = { method: c.req.method, path: c.req.path, code: error.code, ...error.facts };
  const isOurs = error.kind === "bug" || (error.kind === "unavailable" && error.code !== "RATE_LIMITED");
  if (isOurs) logger.error("request failed", { ...fields, error });
  else logger.debug("request refused", fields);
}
