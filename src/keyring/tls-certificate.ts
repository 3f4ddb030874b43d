import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext, type SecureContext, type SecureVersion, type Server } from "node:tls";
import { AppError, type Clock, type Logger } from "../runtime/index.ts";
import { makeTlsCertificate } from "./make-tls-certificate.ts";

export type TlsCertificateSource =
  /** Two files of the administrator's, PEM; read again when they change. */
  | { readonly type: "given"; readonly certificatePath: string; readonly keyPath: string }
  /** Made here, for this host name: one file with key and certificate. */
  | { readonly type: "self-made"; readonly path: string; readonly hostname: string };

export interface TlsCertificateOptions {
  readonly source: TlsCertificateSource;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface TlsMaterial {
  /** The certificate, and those it was issued by. */
  readonly certificate: string;
  readonly key: string;
  readonly parsed: X509Certificate;
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** A self-made certificate lives for a year. */
const RENEW_BEFORE_END_MS = 60 * DAY_MS;
const WARN_BEFORE_END_MS = 14 * DAY_MS;

/** What our encrypted servers show of themselves. Each new connection gets the newest. */
export class TlsCertificate {
  readonly #options: TlsCertificateOptions;
  readonly #servers = new Set<Server>();
  readonly #contexts = new Map<SecureVersion, SecureContext>();
  #material: TlsMaterial;

  private constructor(options: TlsCertificateOptions, material: TlsMaterial) {
    this.#options = options;
    this.#material = material;
  }

  /** Throws TLS_CERTIFICATE_UNUSABLE (invalid). A self-made one that is not there, or not good any more, is made. */
  static async open(options: TlsCertificateOptions): Promise<TlsCertificate> {
    return new TlsCertificate(options, await load(options));
  }

  get isSelfMade(): boolean {
    return this.#options.source.type === "self-made";
  }

  /** PEM: for clients that are to trust a self-made one. */
  get certificate(): string {
    return this.#material.certificate;
  }

  /** SHA-256, as browsers and lftp show it. */
  get fingerprint(): string {
    return this.#material.parsed.fingerprint256;
  }

  get endsAt(): Date {
    return new Date(this.#material.parsed.validTo);
  }

  /** For a connection that begins now. */
  secureContext(maxVersion: SecureVersion = "TLSv1.3"): SecureContext {
    const known = this.#contexts.get(maxVersion);
    if (known !== undefined) return known;

    const { certificate: cert, key } = this.#material;
    const made = createSecureContext({ cert, key, minVersion: "TLSv1.2", maxVersion });
    this.#contexts.set(maxVersion, made);
    return made;
  }

  /** A server shows it, and every later one, until it is closed. */
  applyTo(server: Server): void {
    this.#servers.add(server);
    server.once("close", () => this.#servers.delete(server));
    this.#show(server);
  }

  #show(server: Server): void {
    const { certificate: cert, key } = this.#material;
    server.setSecureContext({ cert, key, minVersion: "TLSv1.2" });
  }

  /**
   * Look at the files again, and renew a self-made certificate before its end. Never throws: what cannot be read leaves
   * the one in use. True when there is a new one.
   */
  async refresh(): Promise<boolean> {
    const { logger, clock } = this.#options;
    try {
      const material = await load(this.#options);
      const isNew = material.certificate !== this.#material.certificate || material.key !== this.#material.key;
      if (isNew) {
        this.#material = material;
        this.#contexts.clear();
        for (const server of this.#servers) this.#show(server);
        logger.info("TLS certificate changed", { fingerprint: this.fingerprint, endsAt: this.endsAt });
      }
      if (this.endsAt.getTime() - clock.now().getTime() < WARN_BEFORE_END_MS) {
        logger.warn("the TLS certificate ends soon, or has ended", { endsAt: this.endsAt });
      }
      return isNew;
    } catch (error) {
      logger.error("the TLS certificate cannot be read; the one in use stays", { error });
      return false;
    }
  }
}

function load(options: TlsCertificateOptions): Promise<TlsMaterial> {
  const { source } = options;
  return source.type === "given" ? loadGiven(source) : loadSelfMade(source, options);
}

async function loadGiven(source: Extract<TlsCertificateSource, { type: "given" }>): Promise<TlsMaterial> {
  const { certificatePath, keyPath } = source;
  try {
    const [certificate, key] = await Promise.all([readFile(certificatePath, "utf8"), readFile(keyPath, "utf8")]);
    return parseMaterial(certificate, key);
  } catch (error) {
    throw unusable(`${certificatePath} and ${keyPath} are no certificate and key for TLS`, error);
  }
}

async function loadSelfMade(
  source: Extract<TlsCertificateSource, { type: "self-made" }>,
  { clock, logger }: TlsCertificateOptions,
): Promise<TlsMaterial> {
  const { path, hostname } = source;
  const existing = await readSelfMade(path, logger);
  if (existing !== undefined && isGoodFor(existing, hostname, clock.now())) return existing;

  // Who trusts the key goes on trusting it: only a key that is not there is made.
  const text = await makeTlsCertificate({ path, hostname, key: existing?.key });
  const made = parseMaterial(text, text);
  logger.info("TLS certificate made", { path, hostname, fingerprint: made.parsed.fingerprint256, endsAt: made.parsed.validTo });
  return made;
}

async function readSelfMade(path: string, logger: Logger): Promise<TlsMaterial | undefined> {
  try {
    const text = await readFile(path, "utf8");
    return parseMaterial(text, text);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") {
      logger.warn("the self-made TLS certificate cannot be used; another is made", { path, error });
    }
    return undefined;
  }
}

function isGoodFor({ parsed }: TlsMaterial, hostname: string, now: Date): boolean {
  const isTimeLeft = Date.parse(parsed.validTo) - now.getTime() > RENEW_BEFORE_END_MS;
  return isTimeLeft && Date.parse(parsed.validFrom) <= now.getTime() && names(parsed).includes(hostname.toLowerCase());
}

function names({ subjectAltName = "" }: X509Certificate): string[] {
  return subjectAltName.split(", ").map((name) => name.replace(/^(DNS|IP Address):/, "").toLowerCase());
}

/** Throws when they are none, or do not belong together. */
function parseMaterial(certificate: string, key: string): TlsMaterial {
  const parsed = new X509Certificate(certificate);
  if (!parsed.checkPrivateKey(createPrivateKey(key))) throw new Error("the key does not belong to the certificate");
  return { certificate: blocksOf(certificate, "CERTIFICATE"), key: blocksOf(key, "[A-Z ]*PRIVATE KEY"), parsed };
}

function blocksOf(text: string, kind: string): string {
  const blocks = text.match(new RegExp(`-----BEGIN ${kind}-----[^-]+-----END ${kind}-----\\n?`, "g")) ?? [];
  return blocks.join("");
}

function unusable(message: string, cause: unknown): AppError {
  return new AppError({
    kind: "invalid",
    code: "TLS_CERTIFICATE_UNUSABLE",
    message,
    hint: "Both are PEM files that this user can read; without them the instance makes its own",
    cause,
  });
}
