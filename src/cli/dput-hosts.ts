import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** A `[host]` of dput.cf. */
export interface DputHost {
  readonly name: string;
  /** ftp, ftps, sftp, scp, http, https, local. */
  readonly method: string;
  /** host or host:port. */
  readonly fqdn: string;
  readonly login: string;
  readonly incoming: string;
}

/** The hosts of /etc/dput.cf and ~/.dput.cf; the latter's count. What cannot be read has none. */
export async function readDputHosts(userHome: string | undefined): Promise<readonly DputHost[]> {
  const sections = new Map<string, Map<string, string>>();
  const paths = ["/etc/dput.cf", ...(userHome === undefined ? [] : [join(userHome, ".dput.cf")])];
  for (const path of paths) parseSections(await readFile(path, "utf8").catch(() => ""), sections);

  const defaults = sections.get("DEFAULT") ?? new Map<string, string>();
  return [...sections].filter(([name]) => name !== "DEFAULT").map(([name, values]) => dputHost(name, values, defaults));
}

/** A mini-buildd has its web server one port below its FTP server, as the original. */
export function endpointOfDputHost({ method, fqdn }: DputHost): string {
  if (method === "http" || method === "https") return `${method}://${fqdn}`;

  const [, host = fqdn, port] = /^(.*?)(?::(\d+))?$/.exec(fqdn) ?? [];
  return method.startsWith("ftp") && port !== undefined ? `http://${host}:${Number(port) - 1}` : `http://${host}:8066`;
}

function parseSections(text: string, sections: Map<string, Map<string, string>>): void {
  let section: Map<string, string> | undefined;
  for (const line of text.split("\n")) {
    const [, name] = /^\[([^\]]+)\]/.exec(line) ?? [];
    if (name !== undefined) {
      section = sections.get(name) ?? new Map<string, string>();
      sections.set(name, section);
      continue;
    }
    const [, key, value] = /^([A-Za-z_][\w-]*)\s*[=:]\s*(.*?)\s*$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) section?.set(key.toLowerCase(), value);
  }
}

function dputHost(name: string, values: ReadonlyMap<string, string>, defaults: ReadonlyMap<string, string>): DputHost {
  const read = (key: string, fallback: string): string => {
    const text = values.get(key) ?? defaults.get(key) ?? fallback;
    // As python's configparser: %(fqdn)s is another value of the section.
    return text.replaceAll(/%\((\w+)\)s/g, (_, other: string) => values.get(other.toLowerCase()) ?? "");
  };
  return {
    name,
    method: read("method", "ftp").toLowerCase(),
    fqdn: read("fqdn", ""),
    login: read("login", "anonymous"),
    incoming: read("incoming", "/incoming"),
  };
}
