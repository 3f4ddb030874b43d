import type { Mail } from "../accounts/index.ts";
import { AppError, type ErrorFacts, runCommand } from "../runtime/index.ts";
import type { Config } from "./config.ts";

const SEND_TIMEOUT_MS = 60_000;

type SendMail = (mail: Mail) => Promise<void>;

/** Through the system's own `sendmail`, which queues and delivers, or by a mail server. Undefined when neither is configured. */
export function mailSender({ mail, hostname, identity }: Pick<Config, "mail" | "hostname" | "identity">): SendMail | undefined {
  const { sendmail, smtp } = mail;
  const from = mail.from ?? `mini-buildd-${identity}@${hostname}`;
  if (sendmail !== undefined) return (message) => sendByProgram(sendmail, from, message);
  if (smtp !== undefined) return (message) => sendBySmtp(smtp, from, message);
  return undefined;
}

async function sendByProgram(program: string, from: string, message: Mail): Promise<void> {
  const ended = await runCommand({
    argv: [program, "-i", "-t"],
    input: formatMail(from, message),
    timeoutMs: SEND_TIMEOUT_MS,
  });
  if (ended.reason === "exited" && ended.exitCode === 0) return;
  const { reason, exitCode } = ended;
  throw notSent(`${program} did not take a mail`, { reason, exitCode }, ended.stderr.toString("utf8"));
}

/** Loaded when it is used: most mails go by a program, and many instances send none. */
async function sendBySmtp(url: string, from: string, { to, subject, text }: Mail): Promise<void> {
  const { createTransport } = await import("nodemailer");
  const timeouts = { connectionTimeout: SEND_TIMEOUT_MS, greetingTimeout: SEND_TIMEOUT_MS, socketTimeout: SEND_TIMEOUT_MS };
  const transport = createTransport({ url, ...timeouts, disableFileAccess: true, disableUrlAccess: true });
  try {
    await transport.sendMail({ from, to, subject, text, headers: { "Auto-Submitted": "auto-generated" } });
  } catch (error) {
    // The URL may hold a password.
    throw notSent(`the mail server ${new URL(url).host} did not take a mail`, {}, error);
  } finally {
    transport.close();
  }
}

function notSent(message: string, facts: ErrorFacts, cause: unknown): AppError {
  return new AppError({
    kind: "unavailable",
    code: "MAIL_NOT_SENT",
    message,
    hint: "Look at the mail system's log; sending is tried again",
    facts,
    cause,
  });
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
