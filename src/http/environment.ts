import type { Context } from "hono";
import type { Access } from "../operations/index.ts";

/** What the server tells the application about the connection of a request. */
export interface HttpEnvironment {
  Bindings: {
    readonly access?: Access;
    readonly peer?: string;
    /** Of a TCP client. */
    readonly address?: string | undefined;
    /** Runs when the answer is out, or its connection is gone. */
    readonly onEnd?: (run: () => void) => void;
  };
}

/** A request without a connection of ours (a test's) may do what everybody may. */
export function accessOf(c: Context<HttpEnvironment>): Access {
  return c.env.access ?? "none";
}

export function callerOf(c: Context<HttpEnvironment>): { readonly name: string } {
  return { name: c.env.peer ?? "unknown" };
}
