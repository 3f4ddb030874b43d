import type { ProblemDetails } from "../operations/index.ts";
import { AppError, type ErrorKind } from "../runtime/index.ts";

const KINDS: Readonly<Record<number, ErrorKind>> = {
  400: "invalid",
  401: "unauthenticated",
  403: "forbidden",
  404: "not-found",
  409: "conflict",
  413: "invalid",
  429: "unavailable",
  503: "unavailable",
  507: "unavailable",
};

/** What a server answered instead of a result: its problem details, or at least its status. */
export function errorOfAnswer(status: number, contentType: string, body: string, what: string): AppError {
  const problem = contentType.includes("json") ? parseProblem(body) : {};
  return new AppError({
    kind: KINDS[status] ?? (status >= 500 ? "unavailable" : "invalid"),
    code: problem.code ?? "SERVER_REFUSED",
    message: problem.detail ?? problem.title ?? `${what}: the server answered ${status}`,
    hint: problem.hint,
    facts: { status },
  });
}

function parseProblem(body: string): Partial<ProblemDetails> {
  try {
    const value = JSON.parse(body) as Partial<ProblemDetails> | null;
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    // Not ours: a proxy in between, for instance. Its status says enough.
    return {};
  }
}
