import type { Database } from "../database/index.ts";
import type { Clock, Logger } from "../runtime/index.ts";

/** Who may make an account: nobody; anybody, and an administrator decides; anybody whose mail address works. */
export const REGISTRATION_MODES = ["closed", "approval", "mail"] as const;
export type RegistrationMode = (typeof REGISTRATION_MODES)[number];

export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

/** What accounts need; `daemon` makes it. */
export interface AccountsContext {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly registration: RegistrationMode;
  /** Base of our pages, for links in mails. */
  readonly url: string;
  /** Hands a mail over for delivery; undefined: this instance sends none. */
  readonly sendMail: ((mail: Mail) => Promise<void>) | undefined;
}
