import type { InstanceFacts } from "./context.ts";

/** A section for ~/.dput.cf, as the original's. */
export function dputConfiguration(instance: InstanceFacts): string {
  return [
    `[mini-buildd-${instance.identity}]`,
    `method   = ${instance.encryption.ftps === "required" ? "ftps" : "ftp"}`,
    `fqdn     = ${instance.hostname}:${instance.ftpPort}`,
    "login    = anonymous",
    "incoming = /incoming",
    "",
  ].join("\n");
}

/** The same over HTTP, for networks that let no FTP through. */
export function dputHttpConfiguration(instance: InstanceFacts): string {
  const { protocol, host } = new URL(instance.url);
  return [
    `[mini-buildd-${instance.identity}-http]`,
    `method   = ${protocol.replace(":", "")}`,
    `fqdn     = ${host}`,
    "login    = anonymous",
    "incoming = /upload",
    "",
  ].join("\n");
}

export interface DputSection {
  readonly method: "https" | "sftp" | "ftps";
  readonly title: string;
  readonly text: string;
}

/** The encrypted ways that this instance has beside the first section. */
export function dputEncryptedConfigurations(instance: InstanceFacts): DputSection[] {
  const { encryption, identity, hostname, ftpPort } = instance;
  const section = (kind: string, ...lines: readonly string[]): string =>
    [`[mini-buildd-${identity}-${kind}]`, `method   = ${kind}`, ...lines, ""].join("\n");
  const sections: DputSection[] = [];
  if (encryption.httpsUrl !== undefined) {
    const lines = [`fqdn     = ${new URL(encryption.httpsUrl).host}`, "login    = anonymous", "incoming = /upload"];
    sections.push({ method: "https", title: "Encrypted, by HTTPS", text: section("https", ...lines) });
  }
  if (encryption.sftp !== undefined) {
    const lines = [`fqdn     = ${hostname}`, `port     = ${encryption.sftp.port}`, "login    = *", "incoming = /incoming"];
    sections.push({
      method: "sftp",
      title: "Encrypted, by SFTP with your SSH key (dput-ng; put your account's name for the *)",
      text: section("sftp", ...lines),
    });
  }
  if (encryption.ftps === "offered") {
    const lines = [`fqdn     = ${hostname}:${ftpPort}`, "login    = anonymous", "incoming = /incoming"];
    sections.push({ method: "ftps", title: "Encrypted, by FTPS (dput-ng)", text: section("ftps", ...lines) });
  }
  return sections;
}

/** For ~/.dput.d/profiles/<name>.json */
export function dputNgProfile(instance: Pick<InstanceFacts, "hostname" | "ftpPort">): string {
  const profile = {
    method: "ftp",
    fqdn: `${instance.hostname}:${instance.ftpPort}`,
    login: "anonymous",
    incoming: "/incoming",
    allow_unsigned_uploads: true,
    check_debs: { enforce: "source", skip: true },
  };
  return `${JSON.stringify(profile, null, 2)}\n`;
}

export interface AptSource {
  readonly uri: string;
  readonly distribution: string;
  readonly components: readonly string[];
}

/** `deb [options] uri distribution components`, as the original writes it. */
export function aptSourceLine(type: string, source: AptSource, options: string): string {
  return `${type} [${options}] ${source.uri} ${source.distribution} ${source.components.join(" ")}`;
}

/** One deb822 stanza with the key inline, so that one file is all it takes. */
export function aptSourceStanza(
  source: AptSource,
  options: { readonly types: readonly string[]; readonly armoredKey: string },
): string {
  const key = options.armoredKey
    .trimEnd()
    .split("\n")
    .map((line) => (line === "" ? " ." : ` ${line}`));
  return [
    `Types: ${options.types.join(" ")}`,
    `URIs: ${source.uri}`,
    `Suites: ${source.distribution}`,
    `Components: ${source.components.join(" ")}`,
    "Signed-By:",
    ...key,
    "",
  ].join("\n");
}

export function repositoryUri(instance: InstanceFacts, repositoryId: string): string {
  return `${instance.url}/repositories/${repositoryId}`;
}
