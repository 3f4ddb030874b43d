import { Hono } from "hono";
import type { OperationContext } from "../handlers/index.ts";
import { AppError, type Limits, type Logger } from "../runtime/index.ts";
import { limitBody } from "./body-limit.ts";
import { buildFiles } from "./build-files.ts";
import { buildLog } from "./build-log.ts";
import type { HttpEnvironment } from "./environment.ts";
import { eventStream } from "./event-stream.ts";
import { eventsAttach } from "./events-attach.ts";
import { logStream } from "./log-stream.ts";
import { originalApi, type ResultPage } from "./original-api.ts";
import { type ErrorPage, problemResponse } from "./problem.ts";
import { RequestQuota } from "./request-quota.ts";
import { restApi } from "./rest-api.ts";
import { securityHeaders } from "./security-headers.ts";
import { StreamQuota } from "./stream-quota.ts";
import { recogniseVisitor } from "./visitor.ts";

export interface ApplicationParts {
  readonly context: OperationContext;
  readonly logger: Logger;
  readonly limits: Pick<Limits, "httpStreamsPerPeerMax" | "httpRequestsPerMinutePerPeerMax">;
  /** Ends live streams, so that the server can stop. */
  readonly closing: AbortSignal;
  readonly pages?: Pages | undefined;
}

/** What `web` gives: pages, and how results and problems of the API look to a browser. */
export interface Pages {
  readonly app: Hono<Pick<HttpEnvironment, "Variables">>;
  readonly resultPage: ResultPage;
  readonly errorPage: ErrorPage;
}

/** Arguments of operations; uploads do not come this way. */
const BODY_SIZE_BYTES_MAX = 1024 ** 2;

/** Everything that is answered by hono: the APIs, live streams and pages. */
export function createApplication(parts: ApplicationParts): Hono<HttpEnvironment> {
  const { context, logger, limits, closing, pages } = parts;
  const streams = new StreamQuota(limits.httpStreamsPerPeerMax);
  const answers = { logger, errorPage: pages?.errorPage };
  const app = new Hono<HttpEnvironment>();
  app.use(securityHeaders);
  app.use(new RequestQuota(limits.httpRequestsPerMinutePerPeerMax).middleware());
  app.use(limitBody(BODY_SIZE_BYTES_MAX));
  app.use(recogniseVisitor(context.accounts));
  app.route("/", eventStream(context.views, { closing, streams }));
  app.route("/", eventsAttach(context, { closing, streams }));
  app.route("/", buildLog(context.views, { closing, streams }));
  app.route("/", logStream(context, { closing, streams }));
  app.route("/", buildFiles(context));
  app.route("/", restApi(context));
  app.route("/", originalApi(context, pages?.resultPage));
  if (pages !== undefined) app.route("/", pages.app);

  app.notFound((c) => problemResponse(c, pathNotFound(c.req.method, c.req.path), answers));
  app.onError((error, c) => problemResponse(c, error, answers));
  return app;
}

function pathNotFound(method: string, path: string): AppError {
  return new AppError({
    kind: "not-found",
    code: "PATH_NOT_FOUND",
    message: `nothing answers to ${method} ${path.slice(0, 200)}`,
    hint: "Begin at /mini_buildd/, or with /api/v1/openapi.json",
  });
}
