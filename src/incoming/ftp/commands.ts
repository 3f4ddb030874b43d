import type { FtpCommand } from "./command.ts";
import {
  prepareActive,
  prepareExtendedActive,
  prepareExtendedPassive,
  preparePassive,
  protectData,
  type TransferOptions,
} from "./data-commands.ts";
import { replyToError } from "./error-reply.ts";
import { type FtpPath, resolveFtpPath } from "./paths.ts";
import { type FtpReply, reply } from "./reply.ts";
import type { FtpSession } from "./session.ts";
import { listFiles, storeFile, type TransferContext } from "./transfer-commands.ts";

export type CommandHandler = (context: TransferContext, argument: string) => FtpReply | Promise<FtpReply>;

const NOT_HERE = "Not allowed: files can be sent to /incoming, nothing else";
/** Anonymous FTP's two customary names. */
const ANONYMOUS = new Set(["anonymous", "ftp"]);

/** Answered before the client has logged in. */
const BEFORE_LOGIN = new Set([
  "USER",
  "PASS",
  "QUIT",
  "FEAT",
  "SYST",
  "NOOP",
  "HELP",
  "OPTS",
  "AUTH",
  "HOST",
  "ACCT",
  "PBSZ",
  "PROT",
  "CCC",
]);

const COMMANDS: Readonly<Record<string, CommandHandler>> = {
  USER: ({ session, options }, name) => nameUser(session, name, options),
  PASS: ({ session }) => enter(session),
  ACCT: () => reply(202, "No account is needed"),
  QUIT: () => reply(221, "Goodbye"),
  NOOP: () => reply(200, "Still here"),
  SYST: () => reply(215, "UNIX Type: L8"),
  FEAT: ({ options }) => reply(211, "Extensions:", ...extensions(options), "End"),
  OPTS: (_context, argument) => (/^utf-?8( on)?$/i.test(argument) ? reply(200, "UTF-8 it is") : reply(501, "No such option")),
  HELP: () => reply(214, "Send files with STOR to /incoming, the .changes last; see dput(1)"),
  STAT: ({ session }, argument) =>
    argument === "" ? reply(211, `Connected from ${session.peer}, in ${session.directory}`) : reply(550, NOT_HERE),

  TYPE: (_context, argument) => setType(argument),
  MODE: (_context, argument) => (/^s$/i.test(argument) ? reply(200, "Stream mode") : reply(504, "Only stream mode (S)")),
  STRU: (_context, argument) => (/^f$/i.test(argument) ? reply(200, "File structure") : reply(504, "Only file structure (F)")),
  ALLO: ({ session }, argument) => announceSize(session, argument),
  REST: ({ session }, argument) => restart(session, argument),

  PWD: ({ session }) => reply(257, `"${session.directory}" is the current directory`),
  XPWD: ({ session }) => reply(257, `"${session.directory}" is the current directory`),
  CWD: ({ session }, argument) => changeDirectory(session, argument),
  XCWD: ({ session }, argument) => changeDirectory(session, argument),
  CDUP: ({ session }) => changeDirectory(session, ".."),
  XCUP: ({ session }) => changeDirectory(session, ".."),
  SIZE: ({ session }, argument) => tellSize(session, argument),
  MDTM: ({ session }, argument) => tellTime(session, argument),

  PASV: ({ session, options }) => preparePassive(session, options),
  EPSV: ({ session, options }, argument) => prepareExtendedPassive(session, argument, options),
  PORT: ({ session }, argument) => prepareActive(session, argument),
  EPRT: ({ session }, argument) => prepareExtendedActive(session, argument),

  STOR: (context, argument) => storeFile(context, argument),
  LIST: (context) => listFiles(context, "long"),
  NLST: (context) => listFiles(context, "names"),
  // A running transfer is ended as soon as ABOR is read; when its turn to be answered comes, nothing runs any more.
  ABOR: () => reply(226, "No transfer is running"),

  RETR: () => reply(550, NOT_HERE),
  DELE: () => reply(550, NOT_HERE),
  MKD: () => reply(550, NOT_HERE),
  XMKD: () => reply(550, NOT_HERE),
  RMD: () => reply(550, NOT_HERE),
  XRMD: () => reply(550, NOT_HERE),
  RNFR: () => reply(550, NOT_HERE),
  RNTO: () => reply(550, NOT_HERE),
  APPE: () => reply(550, "Not allowed: a file is sent whole, with STOR"),
  STOU: () => reply(550, "Not allowed: names matter here; use STOR"),
  AUTH: ({ session, options }, argument) => beginEncryption(session, argument, options),
  PBSZ: ({ session }) => (session.isEncrypted ? reply(200, "PBSZ=0") : reply(503, "AUTH TLS comes first")),
  PROT: ({ session, options }, argument) => protectData(session, argument, options),
  CCC: () => reply(534, "Commands stay encrypted"),
};

/** The reply to one command. */
export async function answerCommand(context: TransferContext, command: FtpCommand): Promise<FtpReply> {
  const handler = Object.hasOwn(COMMANDS, command.verb) ? COMMANDS[command.verb] : undefined;
  if (handler === undefined) return reply(502, `No such command: ${command.verb}`);
  if (context.session.login !== "in" && !BEFORE_LOGIN.has(command.verb)) return reply(530, "Log in first, as anonymous");

  try {
    return await handler(context, command.argument);
  } catch (error) {
    return replyToError(error, { logger: context.logger, peer: context.session.peer });
  }
}

function extensions({ encryption }: TransferOptions): string[] {
  return [
    ...(encryption === undefined ? [] : ["AUTH TLS"]),
    "EPRT",
    "EPSV",
    "MDTM",
    ...(encryption === undefined ? [] : ["PBSZ", "PROT"]),
    "SIZE",
    "TVFS",
    "UTF8",
  ];
}

/** The connection itself goes on in TLS when it has sent 234. */
function beginEncryption(session: FtpSession, argument: string, { encryption }: TransferOptions): FtpReply {
  if (encryption === undefined) return reply(504, "No encryption on this port");
  if (session.isEncrypted) return reply(503, "Encrypted already");
  if (!/^(tls|tls-c|ssl)$/i.test(argument)) return reply(504, "Only AUTH TLS");
  return reply(234, "Begin with TLS now");
}

function nameUser(session: FtpSession, name: string, { encryption }: TransferOptions): FtpReply {
  session.login = "none";
  if (encryption?.isRequired === true && !session.isEncrypted) return reply(530, "Only encrypted here: AUTH TLS comes first");
  if (!ANONYMOUS.has(name.toLowerCase())) return reply(530, "Only anonymous may log in here");

  session.login = "named";
  return reply(331, "Any password will do");
}

function enter(session: FtpSession): FtpReply {
  if (session.login === "none") return reply(503, "USER comes first");

  session.login = "in";
  return reply(230, "Welcome; uploads go to /incoming, the .changes last");
}

/** ASCII is the protocol's default and clients choose it for listings; files are stored byte for byte in any case. */
function setType(argument: string): FtpReply {
  if (/^(i|l 8)$/i.test(argument)) return reply(200, "Binary");
  if (/^a( n)?$/i.test(argument)) return reply(200, "ASCII for listings; files are kept as they come");
  return reply(504, "Only TYPE I and TYPE A");
}

function announceSize(session: FtpSession, argument: string): FtpReply {
  const size = /^(\d{1,15})( R \d+)?$/i.exec(argument)?.[1];
  if (size === undefined) return reply(501, "ALLO wants a number of bytes");

  session.announcedSizeBytes = Number(size);
  return reply(200, "Noted");
}

function restart(session: FtpSession, argument: string): FtpReply {
  if (argument.trim() !== "0") return reply(504, "A transfer that was cut off starts again from the beginning");

  session.announcedSizeBytes = undefined;
  return reply(350, "From the beginning");
}

function changeDirectory(session: FtpSession, argument: string): FtpReply {
  const path = resolveFtpPath(session.directory, argument);
  if (path?.type !== "directory") return reply(550, "There is only /incoming");

  session.directory = path.directory;
  return reply(250, `Now in ${path.directory}`);
}

function tellSize(session: FtpSession, argument: string): FtpReply {
  const file = ownFile(session, resolveFtpPath(session.directory, argument));
  return file === undefined ? reply(550, "No such file of yours in this session") : reply(213, `${file.sizeBytes}`);
}

function tellTime(session: FtpSession, argument: string): FtpReply {
  const file = ownFile(session, resolveFtpPath(session.directory, argument));
  if (file === undefined) return reply(550, "No such file of yours in this session");
  return reply(213, file.storedAt.toISOString().replaceAll(/[-:T]|\..*/g, ""));
}

function ownFile(session: FtpSession, path: FtpPath | undefined) {
  return path?.type === "file" ? session.stored.get(path.name) : undefined;
}
