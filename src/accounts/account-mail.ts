import type { Transaction } from "../database/index.ts";
import { enqueue, type JobWorker } from "../queue/index.ts";
import { type LinkPurpose, makeAccountLink } from "./account-link.ts";
import type { AccountsContext } from "./accounts-context.ts";
import { findUserById } from "./user.ts";

const ACCOUNT_MAIL_JOB = "account-mail";

interface AccountMailJob {
  readonly userId: number;
  readonly purpose: LinkPurpose;
}

/** With the state change that it tells of. The secret is made when the mail is, so it is in no job. */
export async function orderAccountMail(tx: Transaction, mail: AccountMailJob): Promise<void> {
  await enqueue(tx, { kind: ACCOUNT_MAIL_JOB, payload: mail });
}

/** Before the worker's start. A job that runs twice sends two mails; the link in the later one works. */
export function registerAccountJobs(worker: JobWorker, ctx: AccountsContext): void {
  worker.register<AccountMailJob>(ACCOUNT_MAIL_JOB, (job) => sendAccountMail(ctx, job));
}

async function sendAccountMail(ctx: AccountsContext, { userId, purpose }: AccountMailJob): Promise<void> {
  const user = await findUserById(ctx.database.read, userId);
  if (user === undefined || user.state === "disabled" || ctx.sendMail === undefined) return;

  const path = await ctx.database.transaction((tx) => makeAccountLink(tx, userId, purpose));
  const text = [
    `This address was given for the account "${user.name}" of ${ctx.url}.`,
    "To set its password, open this link; it works once, for three days:",
    "",
    `  ${ctx.url}${path}`,
    "",
    "If it was not you, do nothing.",
    "",
  ].join("\n");
  const subject = purpose === "confirm" ? "[mini-buildd] Your account" : "[mini-buildd] A new password";
  await ctx.sendMail({ to: user.email, subject, text });
}
