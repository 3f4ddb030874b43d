import type { IncomingMessage } from "node:http";
import { AppError } from "../runtime/index.ts";
import { type ApiClient, readText } from "./api-client.ts";
import { errorOfAnswer } from "./problem-error.ts";

export interface LogInRequest {
  readonly user: string;
  readonly password: string;
  /** What the token is called among the user's tokens. */
  readonly tokenName: string;
  readonly days: number;
}

export interface NewToken {
  readonly id: string;
  readonly token: string;
}

/**
 * Give name and password once, and get an API token that may do what the user may. The way of the original's clients:
 * the form with its token, then a call with the session's cookie. The session is ended; only the token stays.
 * Throws LOGIN_FAILED (unauthenticated).
 */
export async function logIn(api: ApiClient, request: LogInRequest): Promise<NewToken> {
  const session = await openSession(api, request);
  try {
    const { access } = (await call(api, session, "whoami", {})) as { access: string };
    const token = { name: request.tokenName, access, days: String(request.days) };
    return (await call(api, session, "token_create", token)) as NewToken;
  } finally {
    await endSession(api, session).catch(() => {
      // It ends by itself; what was asked for is done.
    });
  }
}

async function openSession(api: ApiClient, { user, password }: LogInRequest): Promise<string> {
  const page = await api.open({ method: "GET", path: "/accounts/login/" });
  const csrfToken = cookieOf(page, "csrftoken") ?? "";
  page.resume();
  const answer = await api.send({
    method: "POST",
    path: "/accounts/login/",
    headers: { cookie: `csrftoken=${csrfToken}` },
    form: { username: user, password, csrfmiddlewaretoken: csrfToken, this_is_the_login_form: "1", next: "/accounts/profile/" },
  });
  const body = await readText(answer);
  const session = cookieOf(answer, "sessionid");
  if (session !== undefined && session !== "") return session;
  if ((answer.headers["content-type"] ?? "").includes("json")) {
    throw errorOfAnswer(answer.statusCode ?? 0, "application/json", body, "log in");
  }
  throw new AppError({
    kind: "unauthenticated",
    code: "LOGIN_FAILED",
    message: `${user} cannot log in at ${api.endpoint.url.origin} with that password`,
    hint: `Look at the name and the password; ${api.endpoint.url.origin}/accounts/login/ has the way to a new one`,
  });
}

function call(api: ApiClient, session: string, name: string, args: Readonly<Record<string, string>>): Promise<unknown> {
  const query = new URLSearchParams({ output: "json", confirm: name, ...args }).toString();
  return api.json({ method: "GET", path: `/mini_buildd/api/${name}/?${query}`, headers: { cookie: `sessionid=${session}` } });
}

async function endSession(api: ApiClient, session: string): Promise<void> {
  const { sessions } = (await call(api, session, "session_ls", {})) as { sessions: { id: string; is_this: boolean }[] };
  const own = sessions.find(({ is_this }) => is_this);
  if (own !== undefined) await call(api, session, "session_end", { id: own.id });
}

function cookieOf(answer: IncomingMessage, name: string): string | undefined {
  for (const line of answer.headers["set-cookie"] ?? []) {
    const [, key, value] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    if (key === name) return value;
  }
  return undefined;
}
