import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Visitor } from "../handlers/index.ts";
import type { Access } from "../operations/index.ts";

/** What the server tells the application about the connection of a request. */
export interface HttpEnvironment {
  Bindings: {
    readonly access?: Access;
    readonly peer?: string;
    /** Of a TCP client. */
    readonly address?: string | undefined;
    /** The connection itself: what is remembered about it goes with it. */
    readonly connection?: Socket;
    /** For what is not answered by a Response: live events. */
    readonly response?: ServerResponse;
    /** Runs when the answer is out, or its connection is gone. */
    readonly onEnd?: (run: () => void) => void;
    /** Tells who asks. */
    readonly onUser?: (name: string) => void;
  };
  Variables: {
    /** Who asks; set before anything answers. */
    visitor: Visitor;
  };
}
