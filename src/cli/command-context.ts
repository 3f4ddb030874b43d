import type { ApiClient, Client } from "../client/index.ts";
import type { Credentials } from "./client-files.ts";
import type { DputHost } from "./dput-hosts.ts";

export interface ConnectOptions {
  /** What is to be done is for the owner of the home. */
  readonly isForOwner: boolean;
  /** The instance that the command's own arguments mean, when none is named. */
  readonly preferred?: string | undefined;
}

/** What a command has besides its arguments. */
export interface CommandContext {
  print(text: string): void;
  /** For what is not the result: progress, warnings. */
  note(text: string): void;
  /** Of this command's instance: by socket, or with the token of the environment or of `login`. */
  connect(options: ConnectOptions): Promise<Client>;
  /** The same over the network and without a token: to log in. */
  connectAnonymously(): Promise<ApiClient>;
  readonly credentials: Credentials;
  readonly dputHosts: () => Promise<readonly DputHost[]>;
  /** People look at standard output and standard error: bars and coloured things make sense. */
  readonly isInteractive: boolean;
  /** Aborted by the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
}
