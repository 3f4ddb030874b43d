import { AppError } from "../runtime/index.ts";
import { type DputHost, endpointOfDputHost } from "./dput-hosts.ts";

/** Where files go, and where to ask what became of them. */
export interface UploadDestination {
  readonly kind: "ftp" | "sftp" | "http";
  readonly url: URL;
  readonly endpoint: string;
}

const KINDS: Readonly<Record<string, UploadDestination["kind"]>> = {
  "ftp:": "ftp",
  "ftps:": "ftp",
  "sftp:": "sftp",
  "http:": "http",
  "https:": "http",
};

export interface DestinationChoice {
  /** --to */
  readonly to?: string | undefined;
  /** A host of dput.cf. */
  readonly host?: string | undefined;
  readonly dputHosts: readonly DputHost[];
}

/** undefined: the instance itself, over HTTP. Throws UPLOAD_TARGET_INVALID, DPUT_HOST_UNKNOWN (invalid, not-found). */
export function chooseDestination({ to, host, dputHosts }: DestinationChoice): UploadDestination | undefined {
  if (to !== undefined) return destinationOf(to);
  if (host === undefined) return undefined;

  const known = dputHosts.find(({ name }) => name === host);
  if (known === undefined) throw hostUnknown(host, dputHosts);
  const user = known.login === "*" || known.login === "anonymous" ? "" : `${encodeURIComponent(known.login)}@`;
  const directory = known.incoming.startsWith("/") ? known.incoming : `/${known.incoming}`;
  const destination = destinationOf(`${known.method === "scp" ? "sftp" : known.method}://${user}${known.fqdn}${directory}`);
  return { ...destination, endpoint: endpointOfDputHost(known) };
}

function destinationOf(text: string): UploadDestination {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const kind = url === undefined ? undefined : KINDS[url.protocol];
  if (url === undefined || kind === undefined || url.hostname === "") throw targetInvalid(text);

  if (url.pathname === "" || url.pathname === "/") url.pathname = "/incoming";
  const method = url.protocol.slice(0, -1);
  const endpoint = endpointOfDputHost({ name: "", method, fqdn: url.host, login: "", incoming: "" });
  return { kind, url, endpoint };
}

function targetInvalid(text: string): AppError {
  return new AppError({
    kind: "invalid",
    code: "UPLOAD_TARGET_INVALID",
    message: `"${text}" is no place to upload to`,
    hint: "Give ftp://HOST:8067/incoming, ftps://…, sftp://USER@HOST:PORT/incoming, http:// or https://HOST:8066",
  });
}

function hostUnknown(host: string, dputHosts: readonly DputHost[]): AppError {
  return new AppError({
    kind: "not-found",
    code: "DPUT_HOST_UNKNOWN",
    message: `there is no [${host}] in ~/.dput.cf or /etc/dput.cf`,
    hint:
      dputHosts.length === 0 ? "mini-buildd dput_conf prints it" : `There are: ${dputHosts.map(({ name }) => name).join(", ")}`,
  });
}
