import { AppError, type AppErrorInit } from "../runtime/index.ts";

/** Input that its author can correct. */
export function invalid(init: Omit<AppErrorInit, "kind">): AppError {
  return new AppError({ kind: "invalid", ...init });
}

/** Hostile text as it may appear in a message: short, on one line, printable. */
export function quote(text: string): string {
  const shown = text.length > 80 ? `${text.slice(0, 80)}…` : text;
  return JSON.stringify(shown);
}
