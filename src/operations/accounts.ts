import { z } from "zod";
import { defineOperation, type Operation, pageBefore } from "./operation.ts";
import { flag, integer, list, optionalInteger, optionalText, requiredText } from "./parameter.ts";

const right = z.object({ repository: z.string(), right: z.string() });

export const whoami = defineOperation({
  name: "whoami",
  summary: "Show who you are to this instance, and what you may do",
  access: "none",
  parameters: {},
  result: z.object({ name: z.string(), access: z.string(), rights: z.array(right) }),
});

const userView = z.object({
  name: z.string(),
  email: z.string(),
  role: z.string(),
  /** registered, active, disabled. */
  state: z.string(),
  created_at: z.string(),
  last_login_at: z.string().nullable(),
  rights: z.array(right),
});
export type UserView = z.infer<typeof userView>;

export const userLs = defineOperation({
  name: "user_ls",
  summary: "Show all users, with their roles and rights",
  access: "admin",
  parameters: {},
  result: z.object({ users: z.array(userView) }),
});

const linkResult = z.object({
  /** Whoever opens it sets the password; works once, for three days. */
  link: z.string(),
});

export const userCreate = defineOperation({
  name: "user_create",
  summary: "Make an account; gives the link where its owner sets the password",
  access: "admin",
  changesState: true,
  parameters: {
    name: requiredText("name of the user", { positional: true }),
    email: requiredText("mail address", { positional: true }),
    role: optionalText("login, staff or admin (default: login)", { short: "r" }),
  },
  result: linkResult,
  example: { name: "ann", email: "ann@example.org", role: "admin" },
});

export const userLink = defineOperation({
  name: "user_link",
  summary: "Make a link where a user sets a new password",
  access: "admin",
  changesState: true,
  parameters: { name: requiredText("name of the user", { positional: true }) },
  result: linkResult,
  example: { name: "ann" },
});

export const userSet = defineOperation({
  name: "user_set",
  summary: "Give a user another role, let an account in or shut it out",
  access: "admin",
  changesState: true,
  parameters: {
    name: requiredText("name of the user", { positional: true }),
    role: optionalText("login, staff or admin", { short: "r" }),
    state: optionalText("active or disabled", { short: "s" }),
  },
  result: userView,
  example: { name: "ann", role: "staff" },
});

export const userRights = defineOperation({
  name: "user_rights",
  summary: "Give a user exactly these rights in one repository",
  access: "admin",
  changesState: true,
  parameters: {
    name: requiredText("name of the user", { positional: true }),
    repository: requiredText("repository id", { positional: true }),
    rights: list("upload, migrate, manage; without it: none", { short: "r" }),
  },
  result: userView,
  example: { name: "ann", repository: "test", rights: "upload,migrate" },
});

const sessionView = z.object({
  id: z.string(),
  peer: z.string(),
  client: z.string(),
  created_at: z.string(),
  last_used_at: z.string(),
  expires_at: z.string(),
  /** The one this was asked with. */
  is_this: z.boolean(),
});
export type SessionView = z.infer<typeof sessionView>;

export const sessionLs = defineOperation({
  name: "session_ls",
  summary: "Show where you are logged in",
  access: "login",
  parameters: {},
  result: z.object({ sessions: z.array(sessionView) }),
});

export const sessionEnd = defineOperation({
  name: "session_end",
  summary: "Log out elsewhere: one of your login sessions, or all but this one",
  access: "login",
  changesState: true,
  parameters: {
    id: optionalText("of the session, as session_ls shows it", { positional: true }),
    others: flag("All but this one"),
  },
  result: z.object({ ended: z.int() }),
  example: { id: "0123456789ab" },
});

const tokenView = z.object({
  id: z.string(),
  name: z.string(),
  access: z.string(),
  operations: z.array(z.string()).nullable(),
  created_at: z.string(),
  last_used_at: z.string().nullable(),
  expires_at: z.string(),
});
export type TokenView = z.infer<typeof tokenView>;

export const tokenLs = defineOperation({
  name: "token_ls",
  summary: "Show your API tokens",
  access: "login",
  parameters: {},
  result: z.object({ tokens: z.array(tokenView) }),
});

export const tokenCreate = defineOperation({
  name: "token_create",
  summary: "Make an API token for a program; it is shown once",
  access: "login",
  changesState: true,
  parameters: {
    name: requiredText("what it is for", { positional: true }),
    access: optionalText("the most it may do: none, login, staff or admin (default: login)", { short: "a" }),
    operations: list("only for these operations", { short: "o" }),
    days: integer("ends after that many days", { short: "d", default: 90, min: 1, max: 3650 }),
  },
  result: z.object({ id: z.string(), token: z.string() }),
  example: { name: "nightly report", access: "login", operations: "ls,show" },
});

export const tokenRevoke = defineOperation({
  name: "token_revoke",
  summary: "Take one of your API tokens back",
  access: "login",
  changesState: true,
  parameters: { id: requiredText("of the token, as token_ls shows it", { positional: true }) },
  result: z.object({}),
  example: { id: "0123456789ab" },
});

const auditView = z.object({
  id: z.int(),
  occurred_at: z.string(),
  actor: z.string(),
  peer: z.string(),
  act: z.string(),
  subject: z.record(z.string(), z.unknown()),
  /** begun, done, refused, failed. */
  outcome: z.string(),
  code: z.string().nullable(),
});
export type AuditView = z.infer<typeof auditView>;

export const audit = defineOperation({
  name: "audit",
  summary: "Show who did what, when and from where, newest first",
  access: "admin",
  parameters: {
    actor: optionalText("Only by this user", { short: "A" }),
    act: optionalText("Only this act: an operation, login, set-password, …", { short: "a" }),
    before: optionalInteger("Only entries before this id"),
    limit: integer("At most that many", { short: "n", default: 50, min: 1, max: 500 }),
  },
  result: z.object({ entries: z.array(auditView) }),
  nextPage: ({ entries }, { limit }) => pageBefore(entries, limit),
  example: { limit: "10" },
});

/** In the order that help shows them. */
export const accountOperations: readonly Operation[] = [
  whoami,
  sessionLs,
  sessionEnd,
  tokenLs,
  tokenCreate,
  tokenRevoke,
  userLs,
  userCreate,
  userLink,
  userSet,
  userRights,
  audit,
];
