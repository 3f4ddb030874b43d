import type { RequestedPort, RequestedRebuild, SourceProgress } from "../packager/index.ts";
import type { Caller } from "./visitor.ts";

export interface MirrorRequest {
  readonly destination?: string | undefined;
  readonly repositories?: readonly string[] | undefined;
  readonly codenames?: readonly string[] | undefined;
  readonly suites?: readonly string[] | undefined;
  readonly rollbacks: number;
  readonly architectures?: readonly string[] | undefined;
  readonly components?: readonly string[] | undefined;
}

/** A mirror that was asked for. */
export interface MirrorView {
  readonly id: number;
  readonly destination: string;
  readonly state: "waiting" | "leased" | "done" | "failed" | "cancelled";
  /** Who asked. */
  readonly by: string;
  readonly requestedAt: Date;
  readonly endedAt: Date | undefined;
  /** What it does just now. */
  readonly progress: string | undefined;
  /** Of its last attempt. */
  readonly problem: string | undefined;
}

/** What this instance makes of sources itself; `daemon` makes it. All are rows and jobs when they return. */
export interface OwnSourceActs {
  port(request: {
    readonly source: string;
    readonly from: string;
    readonly to: readonly string[];
    readonly version?: string | undefined;
    readonly options?: string | undefined;
    readonly by: Caller;
  }): Promise<readonly RequestedPort[]>;
  portExternal(request: {
    readonly dscUrl: string;
    readonly to: readonly string[];
    readonly options?: string | undefined;
    readonly allowUnauthenticated: boolean;
    readonly by: Caller;
  }): Promise<readonly RequestedPort[]>;
  rebuild(request: {
    readonly source: string;
    readonly distribution: string;
    readonly version?: string | undefined;
    readonly architectures?: readonly string[] | undefined;
    readonly reason?: string | undefined;
    readonly by: Caller;
  }): Promise<RequestedRebuild>;
  keyringPackages(request: {
    readonly distributions?: readonly string[] | undefined;
    readonly withoutMigration: boolean;
    readonly by: Caller;
  }): Promise<readonly RequestedPort[]>;
  /** With the check it returns when all have ended as they must. Throws TEST_PACKAGES_WRONG (conflict). */
  testPackages(request: {
    readonly sources?: readonly string[] | undefined;
    readonly distributions?: readonly string[] | undefined;
    readonly autoPorts?: readonly string[] | undefined;
    readonly withCheck: boolean;
    readonly by: Caller;
  }): Promise<readonly (RequestedPort & { readonly ending?: SourceProgress["ending"] })[]>;
  debdiff(request: {
    readonly source: string;
    readonly repositoryId: string;
    readonly versionA?: string | undefined;
    readonly versionB?: string | undefined;
  }): Promise<string>;
  /** A job when this returns; with `wait`, the mirror is whole. */
  mirror(request: MirrorRequest & { readonly wait: boolean; readonly by: string }): Promise<void>;
  /** Newest first. */
  mirrors(): Promise<readonly MirrorView[]>;
}
