import { createHmac } from "node:crypto";
import type { MiddlewareHandler } from "hono";
import { getCookie } from "hono/cookie";
import { type AccountsContext, findPrincipalBySession, findPrincipalByToken, type Principal } from "../accounts/index.ts";
import type { Visitor } from "../handlers/index.ts";
import { AppError, normaliseAddress } from "../runtime/index.ts";
import type { HttpEnvironment } from "./environment.ts";

/** As the original names it; set by the page that logs in. */
const SESSION_COOKIE = "sessionid";

/**
 * Find out who asks, for everything behind: the control socket is its owner; else an API token; else the cookie of a
 * login session; else anybody. A token that is not good is an error, a cookie that is not good is none.
 */
export function recogniseVisitor(accounts: AccountsContext): MiddlewareHandler<HttpEnvironment> {
  return async (c, next) => {
    const visitor = await visitorOf(accounts, c.env, c.req.header("authorization"), getCookie(c, SESSION_COOKIE));
    if (visitor.caller.userId !== undefined) c.env.onUser?.(visitor.caller.name);
    c.set("visitor", visitor);
    await next();
  };
}

async function visitorOf(
  accounts: AccountsContext,
  connection: HttpEnvironment["Bindings"],
  authorization: string | undefined,
  cookie: string | undefined,
): Promise<Visitor> {
  const peer = normaliseAddress(connection.peer ?? "unknown");
  if (connection.access === "admin")
    return { ...stranger(peer), permission: { access: "admin", rights: [], operations: undefined } };

  if (authorization !== undefined) {
    const principal = await findPrincipalByToken(accounts, bearerOf(authorization));
    if (principal === undefined) throw tokenInvalid();
    return { ...visitorFor(principal, peer), session: undefined };
  }

  const principal = cookie === undefined ? undefined : await findPrincipalBySession(accounts, cookie);
  if (principal?.sessionId === undefined || cookie === undefined) return stranger(peer);
  return { ...visitorFor(principal, peer), session: { id: principal.sessionId, csrfToken: csrfTokenOf(cookie) } };
}

function visitorFor(principal: Principal, peer: string): Omit<Visitor, "session"> {
  const { name, userId, access, rights, operations } = principal;
  return { caller: { name, peer, userId }, permission: { access, rights, operations } };
}

function stranger(peer: string): Visitor {
  return {
    caller: { name: peer, peer, userId: undefined },
    permission: { access: "none", rights: [], operations: undefined },
    session: undefined,
  };
}

/** Follows from the session's secret, which only its browser has; tells nothing about it. */
function csrfTokenOf(sessionSecret: string): string {
  return createHmac("sha256", sessionSecret).update("csrf").digest("base64url");
}

function bearerOf(authorization: string): string {
  return /^Bearer ([\w-]{1,200})$/i.exec(authorization)?.[1] ?? "";
}

function tokenInvalid(): AppError {
  return new AppError({
    kind: "unauthenticated",
    code: "TOKEN_INVALID",
    message: "the API token is unknown, revoked or too old",
    hint: "Make a new one with token_create, and send it as Authorization: Bearer mbd_…",
  });
}
