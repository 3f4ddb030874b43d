/*
 * What the server and the process that speaks SSH tell each other. A socket comes with "connection".
 */

export type ToSshProcess =
  | { readonly type: "start"; readonly hostKey: string; readonly loginTimeoutMs: number; readonly idleTimeoutMs: number }
  | { readonly type: "connection"; readonly connection: number }
  /** To the request of this number; without a refusal it was done. */
  | { readonly type: "answer"; readonly request: number; readonly refusal?: string | undefined };

/** What the process asks, and gets an answer to. */
export type SshRequest = { readonly request: number; readonly connection: number } & (
  | { readonly type: "authenticate"; readonly name: string; readonly key: Uint8Array }
  | { readonly type: "begin"; readonly file: number; readonly name: string }
  | { readonly type: "write"; readonly file: number; readonly data: Uint8Array }
  | { readonly type: "finish"; readonly file: number }
);

export type FromSshProcess =
  | SshRequest
  | { readonly type: "abort"; readonly connection: number; readonly file: number }
  /** Nothing more comes of it. */
  | { readonly type: "closed"; readonly connection: number };
