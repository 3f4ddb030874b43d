import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { parse as parseToml } from "smol-toml";
import { z } from "zod";
import { REGISTRATION_MODES, type RegistrationMode } from "../accounts/index.ts";
import {
  AppError,
  type ConfiguredLevels,
  defaultLimits,
  fixedLimits,
  type Limits,
  LOG_LEVELS,
  shareLimits,
} from "../runtime/index.ts";
import { type HttpEndpoint, parseHttpEndpoint } from "./http-endpoint.ts";
import { LOG_MODULES } from "./log-modules.ts";

/** One table of options: it gives the parser, the defaults and `mini-buildd config`. Unknown keys are refused. */
const limitsSchema = z.strictObject(
  Object.fromEntries(limitNames().map((name) => [name, limitSchema(name).default(defaultLimits[name])])),
);

function limitNames(): (keyof Limits)[] {
  return (Object.keys(defaultLimits) as (keyof Limits)[]).filter((name) => !fixedLimits.includes(name));
}

function limitSchema(name: keyof Limits): z.ZodNumber {
  return shareLimits.includes(name) ? z.number().min(0).max(1) : z.number().int().nonnegative();
}

/** Of package debian-keyring: who may upload to Debian. */
const DEBIAN_KEYRINGS = [
  "/usr/share/keyrings/debian-keyring.gpg",
  "/usr/share/keyrings/debian-maintainers.gpg",
  "/usr/share/keyrings/debian-nonupload.gpg",
] as const;

const schema = z.strictObject({
  /** Name of this instance: keyring package, Origin, dput host. */
  identity: z
    .string()
    .regex(/^[a-zA-Z0-9-]+$/)
    .optional(),
  /** The name under which clients reach this host. */
  hostname: z.string().min(1).optional(),
  /** Origin field of our Release files. */
  origin: z.string().min(1).optional(),
  log: z
    .strictObject({
      level: z.enum(LOG_LEVELS).default("info"),
      /** Levels of modules that differ. */
      modules: z.partialRecord(z.enum(LOG_MODULES), z.enum(LOG_LEVELS)).optional(),
      /** Keep the same lines in HOME/var/log/daemon.log. */
      keep: z.boolean().default(true),
      /** Log each HTTP request in HOME/var/log/access.log. */
      access: z.boolean().default(true),
    })
    .prefault({}),
  http: z
    .strictObject({
      port: z.number().int().min(0).max(65_535).default(8066),
      /** Address to listen on; "::" is every address, IPv4 included. */
      address: z.string().default("::"),
      /** What clients put in front of /repositories, when a proxy stands before us. */
      url: z.url().optional(),
      /** As the original writes them; in place of port and address. */
      endpoints: z.array(z.string().transform(toHttpEndpoint)).min(1).max(20).optional(),
      /** Who comes unencrypted, and not from this machine, is sent to the encrypted address. */
      redirect: z.boolean().default(false),
      /** Browsers are told to come encrypted only, for so long; 0: they are not. */
      hstsSeconds: z.number().int().min(0).max(63_072_000).default(0),
    })
    .prefault({}),
  ftp: z
    .strictObject({
      enabled: z.boolean().default(true),
      port: z.number().int().min(0).max(65_535).default(8067),
      address: z.string().default("::"),
      /** For passive transfers, the ports that a firewall lets through: "50000-50099". */
      passivePorts: z.string().transform(parsePortRange).optional(),
      /** The IPv4 address to tell clients for passive transfers, when address translation hides ours. */
      passiveAddress: z.ipv4().optional(),
      /** FTPS, by AUTH TLS on the same port: not at all, for who asks for it, or nothing else. */
      encryption: z.enum(["off", "offered", "required"]).default("offered"),
      /** FTPS where TLS comes first, on a port of its own. */
      implicitPort: z.number().int().min(1).max(65_535).optional(),
    })
    .prefault({}),
  sftp: z
    .strictObject({
      /** Uploads of users by their SSH keys. */
      enabled: z.boolean().default(false),
      port: z.number().int().min(0).max(65_535).default(8068),
      address: z.string().default("::"),
    })
    .prefault({}),
  tls: z
    .strictObject({
      /** The administrator's certificate, with those it was issued by, PEM. Without it one is made. */
      certificate: z.string().startsWith("/").optional(),
      /** Its key, PEM. */
      key: z.string().startsWith("/").optional(),
    })
    .prefault({}),
  database: z
    .strictObject({
      /** A PostgreSQL connection string; without it the embedded database. */
      postgres: z.string().optional(),
    })
    .prefault({}),
  builder: z
    .strictObject({
      /** Builds at once on this machine; 0: this server does not build. Default: one per two cores. */
      parallel: z.number().int().min(0).max(256).optional(),
    })
    .prefault({}),
  accounts: z
    .strictObject({
      /** Who may make an account: nobody, anybody whom an administrator lets in, anybody whose mail address works. */
      registration: z.enum(REGISTRATION_MODES).default("closed"),
    })
    .prefault({}),
  mail: z
    .strictObject({
      /** The program that takes mail, as Debian's mail servers provide it: "/usr/sbin/sendmail". */
      sendmail: z.string().startsWith("/").optional(),
      /** A mail server that takes our mails: "smtp://localhost", "smtps://user:password@mail.example.org". */
      smtp: z.url({ protocol: /^smtps?$/ }).optional(),
      /** Sender of our mails. */
      from: z
        .string()
        .regex(/^[^\r\n]+$/)
        .optional(),
    })
    .prefault({}),
  ports: z
    .strictObject({
      /** Keyrings that know who may have signed a source from elsewhere (port_ext); those that are not there do not count. */
      keyrings: z.array(z.string().startsWith("/")).default([...DEBIAN_KEYRINGS]),
    })
    .prefault({}),
  mirrors: z
    .strictObject({
      /** Directories, beside HOME/debmirror, in and below which debmirror may write and delete. */
      destinations: z.array(z.string().regex(/^\/[^\r\n]+$/)).default([]),
    })
    .prefault({}),
  limits: limitsSchema.prefault({}),
});

export interface HttpConfig {
  /** Of the first endpoint that is not encrypted: builds on this machine use it. */
  readonly port: number;
  readonly address: string;
  readonly url: string | undefined;
  readonly endpoints: readonly HttpEndpoint[];
  readonly redirect: boolean;
  readonly hstsSeconds: number;
}

export interface FtpConfig {
  readonly enabled: boolean;
  readonly port: number;
  readonly address: string;
  readonly passivePorts?: { readonly first: number; readonly last: number } | undefined;
  readonly passiveAddress?: string | undefined;
  readonly encryption: "off" | "offered" | "required";
  readonly implicitPort?: number | undefined;
}

/** Files of the administrator's; undefined: the instance makes its own. */
export type TlsConfig = { readonly certificatePath: string; readonly keyPath: string } | undefined;

export interface Config {
  readonly home: string;
  readonly identity: string;
  readonly hostname: string;
  readonly origin: string;
  readonly log: ConfiguredLevels & { readonly keep: boolean; readonly access: boolean };
  readonly http: HttpConfig;
  readonly ftp: FtpConfig;
  readonly sftp: { readonly enabled: boolean; readonly port: number; readonly address: string };
  readonly tls: TlsConfig;
  readonly postgres: string | undefined;
  readonly parallelBuilds: number | undefined;
  readonly accounts: { readonly registration: RegistrationMode };
  readonly mail: {
    readonly sendmail?: string | undefined;
    readonly smtp?: string | undefined;
    readonly from?: string | undefined;
  };
  readonly ports: { readonly keyrings: readonly string[] };
  readonly mirrors: { readonly destinations: readonly string[] };
  readonly limits: Limits;
}

/** Read HOME/etc/mini-buildd.toml (all defaults when there is none). Throws `invalid` CONFIG_INVALID with every fault. */
export async function loadConfig(home: string): Promise<Config> {
  const path = join(home, "etc", "mini-buildd.toml");
  const parsed = schema.safeParse(readToml(path, await readOptional(path)));
  if (!parsed.success) throw configInvalid(path, parsed.error.issues.map(describeIssue).join("; "), parsed.error);

  const { data } = parsed;
  checkMail(path, data);
  const host = data.hostname ?? hostname();
  const identity = data.identity ?? identityOf(host);
  return {
    home,
    identity,
    hostname: host,
    origin: data.origin ?? `Mini-Buildd archive ${identity} on ${host}`,
    log: data.log,
    http: httpConfig(path, data.http),
    ftp: data.ftp,
    sftp: data.sftp,
    tls: tlsConfig(path, data.tls),
    postgres: data.database.postgres,
    parallelBuilds: data.builder.parallel,
    accounts: data.accounts,
    mail: data.mail,
    ports: data.ports,
    mirrors: data.mirrors,
    limits: { ...defaultLimits, ...data.limits },
  };
}

function checkMail(path: string, { accounts, mail }: Pick<z.infer<typeof schema>, "accounts" | "mail">): void {
  const ways = [mail.sendmail, mail.smtp].filter((way) => way !== undefined);
  if (ways.length > 1) throw configInvalid(path, "mail goes out by mail.sendmail or by mail.smtp, not by both", undefined);
  if (accounts.registration === "mail" && ways.length === 0) {
    throw configInvalid(path, 'accounts.registration = "mail" needs mail.sendmail or mail.smtp', undefined);
  }
}

function toHttpEndpoint(text: string, ctx: z.RefinementCtx): HttpEndpoint {
  const endpoint = parseHttpEndpoint(text);
  if (typeof endpoint !== "string") return endpoint;

  ctx.addIssue(endpoint);
  return z.NEVER;
}

function httpConfig(path: string, http: z.infer<typeof schema>["http"]): HttpConfig {
  const { url, redirect, hstsSeconds } = http;
  const endpoints = http.endpoints ?? [{ isEncrypted: false, address: http.address, port: http.port, tls: undefined }];
  const plain = endpoints.find((endpoint) => !endpoint.isEncrypted);
  if (plain === undefined) {
    const example = "tcp:port=8066:interface=127.0.0.1";
    throw configInvalid(path, `http.endpoints needs one without encryption, for builds on this machine: "${example}"`, undefined);
  }
  if (redirect && endpoints.every((endpoint) => !endpoint.isEncrypted)) {
    throw configInvalid(path, "http.redirect needs an ssl: endpoint in http.endpoints", undefined);
  }
  return { port: plain.port, address: plain.address, url, endpoints, redirect, hstsSeconds };
}

function tlsConfig(
  path: string,
  { certificate, key }: { certificate?: string | undefined; key?: string | undefined },
): TlsConfig {
  if (certificate !== undefined && key !== undefined) return { certificatePath: certificate, keyPath: key };
  if (certificate === undefined && key === undefined) return undefined;
  throw configInvalid(path, "tls.certificate and tls.key belong together", undefined);
}

function parsePortRange(range: string, ctx: z.RefinementCtx): { readonly first: number; readonly last: number } {
  const [, first = 0, last = 0] = (/^(\d{1,5})-(\d{1,5})$/.exec(range) ?? []).map(Number);
  if (first >= 1024 && first <= last && last <= 65_535) return { first, last };

  ctx.addIssue(`"${range}" is no range of ports from 1024 to 65535, such as "50000-50099"`);
  return z.NEVER;
}

/** The host's first label, with what an identity may not contain left out. */
function identityOf(host: string): string {
  const label = (host.split(".")[0] ?? "").replaceAll(/[^a-zA-Z0-9-]/g, "");
  return label === "" ? "localhost" : label;
}

async function readOptional(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw configInvalid(path, "cannot be read", error);
  }
}

function readToml(path: string, text: string): unknown {
  try {
    return parseToml(text);
  } catch (error) {
    throw configInvalid(path, error instanceof Error ? (error.message.split("\n")[0] ?? "") : "not TOML", error);
  }
}

function describeIssue(issue: z.core.$ZodIssue): string {
  return `${issue.path.join(".") || "top level"}: ${issue.message}`;
}

function configInvalid(path: string, what: string, cause: unknown): AppError {
  return new AppError({
    kind: "invalid",
    code: "CONFIG_INVALID",
    message: `${path}: ${what}`,
    hint: "Correct the file, then start again; docs/reference/configuration.md lists every option",
    cause,
  });
}
