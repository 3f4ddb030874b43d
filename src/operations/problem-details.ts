/** How every interface says that it did not work: RFC 9457 with our stable code and the next action. */
export interface ProblemDetails {
  readonly type: string;
  readonly status: number;
  readonly title: string;
  /** What happened. */
  readonly detail: string;
  readonly instance: string;
  /** See docs/reference/errors.md. */
  readonly code: string;
  /** What to do. */
  readonly hint?: string;
}

/** The part of an AppError that the outside sees. */
export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
}

export const PROBLEM_TYPE = "application/problem+json";

/** As the original words them, for its clients. */
const TITLES: Readonly<Record<number, string>> = {
  400: "Bad request syntax or unsupported method",
  401: "No permission -- see authorization schemes",
  403: "Request forbidden -- authorization will not help",
  404: "Nothing matches the given URI",
  405: "Specified method is invalid for this resource",
  409: "Request conflict",
  411: "Client must specify Content-Length",
  413: "Entity is too large",
  429: "Too many requests",
  500: "Server got itself in trouble",
  503: "The server cannot process the request due to a high load",
  507: "Not able to store the representation",
};

/** As the original's RFC 7807, plus our code and hint. */
export function problemDetails(status: number, { code, message, hint }: Problem): ProblemDetails {
  return {
    type: "about:blank",
    status,
    title: TITLES[status] ?? "Error",
    detail: message,
    instance: "about:blank",
    code,
    ...(hint !== undefined && { hint }),
  };
}

/** Of an Accept header: problem details are wanted. Others (dput, curl, apt) show people what they get: they get text. */
export function takesProblemDetails(accept: string | undefined): boolean {
  return /\bapplication\/(?:problem\+)?json\b/i.test(accept ?? "");
}

export function problemText({ code, message, hint }: Problem): string {
  return `${[message, hint].filter((line) => line !== undefined).join("\n")}\n(${code})`;
}
