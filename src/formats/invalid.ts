import { AppError, type ErrorFacts } from "../runtime/index.ts";

/** Input that its author can correct. */
export function invalid(code: string, message: string, hint?: string, facts?: ErrorFacts): AppError {
  return new AppError({ kind: "invalid", code, message, hint, facts });
}

/** Hostile text as it may appear in a message: short, on one line, printable. */
export function quote(text: string): string {
  const shown = text.length > 80 ? `${text.slice(0, 80)}…` : text;
  return JSON.stringify(shown);
}
