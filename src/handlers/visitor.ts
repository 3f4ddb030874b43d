import type { GrantedRight } from "../accounts/index.ts";
import type { Access } from "../operations/index.ts";

/** Who calls: for the record. */
export interface Caller {
  readonly name: string;
  /** Address they come from; "the control socket". */
  readonly peer: string;
  /** Undefined: nobody who has an account. */
  readonly userId: number | undefined;
}

/** What they may do. */
export interface Permission {
  readonly access: Access;
  /** In single repositories, beyond `access`. */
  readonly rights: readonly GrantedRight[];
  /** Only these operations; undefined: all. */
  readonly operations: readonly string[] | undefined;
}

/** Who is behind a request. Made by `http`, once for each. */
export interface Visitor {
  readonly caller: Caller;
  readonly permission: Permission;
  /** When they came with the cookie of a login session. */
  readonly session: VisitorSession | undefined;
}

export interface VisitorSession {
  readonly id: string;
  /** What a form of ours must send back: no other site can know it. */
  readonly csrfToken: string;
}
