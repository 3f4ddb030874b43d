import { TlsCertificate, type TlsCertificateSource } from "../keyring/index.ts";
import type { Clock, Logger } from "../runtime/index.ts";
import type { Config, TlsConfig } from "./config.ts";
import type { HomePaths } from "./home.ts";

/** What each encrypted server shows: the instance's certificate, or one of its own. */
export class Certificates {
  /** By the path of the certificate; the empty one is the instance's. */
  readonly #certificates: ReadonlyMap<string, TlsCertificate>;

  private constructor(certificates: ReadonlyMap<string, TlsCertificate>) {
    this.#certificates = certificates;
  }

  /** Those that the configuration needs. Throws TLS_CERTIFICATE_UNUSABLE, TLS_HOST_NAME_INVALID (invalid). */
  static async open(options: {
    readonly config: Config;
    readonly paths: HomePaths;
    readonly clock: Clock;
    readonly logger: Logger;
  }): Promise<Certificates> {
    const { config, paths, clock, logger } = options;
    const certificates = new Map<string, TlsCertificate>();
    for (const tls of wanted(config)) {
      const source = sourceOf(tls ?? config.tls, { path: paths.tlsCertificate, hostname: config.hostname });
      certificates.set(tls?.certificatePath ?? "", await TlsCertificate.open({ source, clock, logger }));
    }
    return new Certificates(certificates);
  }

  /** Undefined only where the configuration encrypts nothing of that kind. */
  find(tls?: TlsConfig): TlsCertificate | undefined {
    return this.#certificates.get(tls?.certificatePath ?? "");
  }

  /** Look at the files again. Returns how many are new. */
  async refresh(): Promise<number> {
    let changed = 0;
    for (const certificate of this.#certificates.values()) changed += (await certificate.refresh()) ? 1 : 0;
    return changed;
  }
}

function wanted({ ftp, http }: Config): TlsConfig[] {
  const ofHttp = http.endpoints.filter((endpoint) => endpoint.isEncrypted).map(({ tls }) => tls);
  return [...(ftp.enabled && ftp.encryption !== "off" ? [undefined] : []), ...ofHttp];
}

function sourceOf(tls: TlsConfig, own: { readonly path: string; readonly hostname: string }): TlsCertificateSource {
  return tls === undefined ? { type: "self-made", ...own } : { type: "given", ...tls };
}
