import type { ApiClient } from "./api-client.ts";

/** What a command has besides its arguments. */
export interface CommandContext {
  print(text: string): void;
  /** For what is not the result: progress, warnings. */
  note(text: string): void;
  connect(options: { readonly isForOwner: boolean }): ApiClient;
  /** Aborted by the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
}
