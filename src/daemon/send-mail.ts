import type { Mail } from "../accounts/index.ts";
import { AppError, runCommand } from "../runtime/index.ts";
import type { Config } from "./config.ts";

const SEND_TIMEOUT_MS = 60_000;

/** Through the system's own `sendmail`, which queues and delivers. Undefined when mail is not configured. */
export function mailSender({ mail, hostname, identity }: Config): ((mail: Mail) => Promise<void>) | undefined {
  const { sendmail } = mail;
  if (sendmail === undefined) return undefined;

  const from = mail.from ?? `mini-buildd-${identity}@${hostname}`;
  return async (message) => {
    const ended = await runCommand({
      argv: [sendmail, "-i", "-t"],
      input: formatMail(from, message),
      timeoutMs: SEND_TIMEOUT_MS,
    });
    if (ended.reason === "exited" && ended.exitCode === 0) return;

    throw new AppError({
      kind: "unavailable",
      code: "MAIL_NOT_SENT",
      message: `${sendmail} did not take a mail`,
      hint: "Look at the mail system's log; sending is tried again",
      facts: { reason: ended.reason, exitCode: ended.exitCode },
      cause: ended.stderr.toString("utf8"),
    });
  };
}

/** RFC 5322; addresses have passed the grammar of accounts, subjects are ours. */
function formatMail(from: string, { to, subject, text }: Mail): string {
  const headers = [
    `From: ${from}`,
    `To: ${to}`,
    `Subject: ${subject}`,
    "Auto-Submitted: auto-generated",
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: 8bit",
  ];
  return `${headers.join("\n")}\n\n${text}`;
}
