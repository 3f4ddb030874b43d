import { rm, writeFile } from "node:fs/promises";
import { isIP } from "node:net";
import { dirname } from "node:path";
import { AppError, makeDirectory, runChecked, writeFileAtomically } from "../runtime/index.ts";

const LIFE_DAYS = 365;
const HOST_NAME = /^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?$/;

/**
 * Make a certificate for a host name and for this machine itself, signed by its own key, and store both in one file
 * (mode 0600): there is no moment when they do not fit. Returns what is in the file. Throws TLS_HOST_NAME_INVALID
 * (invalid), COMMAND_FAILED.
 */
export async function makeTlsCertificate(options: {
  readonly path: string;
  readonly hostname: string;
  /** The file has a key that stays; else a new one is made. PEM. */
  readonly key: string | undefined;
}): Promise<string> {
  const { path, hostname, key } = options;
  const isAddress = isIP(hostname) !== 0;
  if (!isAddress && !HOST_NAME.test(hostname)) throw hostNameInvalid(hostname);

  const names = [isAddress ? `IP:${hostname}` : `DNS:${hostname}`, "DNS:localhost", "IP:127.0.0.1", "IP:::1"];
  const withKey = key === undefined ? NEW_KEY : ["-new", "-key", path];
  await makeDirectory(dirname(path), 0o700);
  // A socket, as our standard input would be, cannot be opened by a name.
  const configPath = `${path}.openssl.cnf`;
  await writeFile(configPath, opensslConfiguration([...new Set(names)]));
  const made = await runChecked({
    argv: ["openssl", "req", "-x509", ...withKey, "-sha256", "-days", `${LIFE_DAYS}`, "-config", configPath],
    timeoutMs: 60_000,
  });
  await rm(configPath, { force: true });
  const text = `${key ?? ""}${made.stdout.toString("utf8")}`;
  await writeFileAtomically(path, text, { mode: 0o600 });
  return text;
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-keyout", "-"];

/** No authority: it vouches for this server, and for nobody else. */
function opensslConfiguration(names: readonly string[]): string {
  return [
    "[req]",
    "prompt = no",
    "distinguished_name = subject",
    "x509_extensions = extensions",
    "[subject]",
    "CN = mini-buildd",
    "[extensions]",
    `subjectAltName = ${names.join(", ")}`,
    "basicConstraints = critical, CA:FALSE",
    "keyUsage = critical, digitalSignature",
    "extendedKeyUsage = serverAuth",
    "subjectKeyIdentifier = hash",
    "",
  ].join("\n");
}

function hostNameInvalid(hostname: string): AppError {
  return new AppError({
    kind: "invalid",
    code: "TLS_HOST_NAME_INVALID",
    message: `${JSON.stringify(hostname.slice(0, 100))} is no host name that a certificate could be made for`,
    hint: "Set hostname in etc/mini-buildd.toml, or give a certificate in [tls]",
  });
}
