/** Those whose lines say so; lines of all others are of `daemon`. */
export const LOG_MODULES = [
  "daemon",
  "database",
  "keyring",
  "queue",
  "archive",
  "testbed",
  "accounts",
  "farm",
  "packager",
  "incoming",
  "notify",
  "http",
] as const;
export type LogModule = (typeof LOG_MODULES)[number];
