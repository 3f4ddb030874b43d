import type {
  audit,
  cronjobLs,
  ResultOf,
  sessionLs,
  tokenCreate,
  tokenLs,
  userCreate,
  userKeys,
  userLs,
  whoami,
} from "../operations/index.ts";
import { formatTable } from "./table.ts";

export function formatWhoami({ name, access, rights }: ResultOf<typeof whoami>): string {
  const lines = [
    `${name}, who may do what needs: ${access}`,
    ...rights.map(({ repository, right }) => `${right} in ${repository}`),
  ];
  return `${lines.join("\n")}\n`;
}

export function formatUsers({ users }: ResultOf<typeof userLs>): string {
  const rows = users.map((user) => [
    user.name,
    user.role,
    user.state,
    user.email,
    user.rights.map(({ repository, right }) => `${repository}:${right}`).join(" "),
  ]);
  return formatTable(["user", "role", "state", "mail", "rights"], rows);
}

export function formatLink({ link }: ResultOf<typeof userCreate>): string {
  return `Whoever opens this link sets the password; it works once, for three days:\n\n  ${link}\n\n`;
}

export function formatKeys({ keys }: ResultOf<typeof userKeys>): string {
  return formatTable(
    ["fingerprint", "user", "state", "key of"],
    keys.map((key) => [key.fingerprint, key.user, key.state, key.description]),
  );
}

export function formatTokens({ tokens }: ResultOf<typeof tokenLs>): string {
  const rows = tokens.map((token) => [
    token.id,
    token.access,
    token.operations?.join(",") ?? "all",
    token.expires_at.slice(0, 10),
    token.last_used_at?.slice(0, 10) ?? "never",
    token.name,
  ]);
  return formatTable(["id", "at most", "operations", "ends", "last used", "for"], rows);
}

export function formatNewToken({ token }: ResultOf<typeof tokenCreate>): string {
  return `It is shown this once; programs send it as Authorization: Bearer, mini-buildd takes it from MINI_BUILDD_TOKEN:\n\n  ${token}\n\n`;
}

export function formatSessions({ sessions }: ResultOf<typeof sessionLs>): string {
  const rows = sessions.map((session) => [session.id, session.peer, session.last_used_at.slice(0, 16), session.client]);
  return formatTable(["id", "from", "last used", "client"], rows);
}

export function formatAudit({ entries }: ResultOf<typeof audit>): string {
  const rows = entries.map((entry) => [
    entry.occurred_at.slice(0, 19),
    entry.actor,
    entry.peer,
    entry.act,
    entry.code === null ? entry.outcome : `${entry.outcome} (${entry.code})`,
    JSON.stringify(entry.subject).slice(0, 120),
  ]);
  return formatTable(["when", "who", "from", "what", "outcome", "to what"], rows);
}

export function formatCronjobs({ cronjobs }: ResultOf<typeof cronjobLs>): string {
  const rows = cronjobs.map((job) => [job.id, `${Math.round(job.interval_ms / 60_000)} min`, job.next_run_at.slice(0, 16)]);
  return formatTable(["work", "every", "next"], rows);
}
