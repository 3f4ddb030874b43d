import { AppError } from "../runtime/index.ts";

/** Where an instance is reached: over the network, or by its owner through the socket in its home. */
export type Endpoint =
  | { readonly kind: "network"; readonly url: URL; readonly user?: string | undefined }
  | { readonly kind: "socket"; readonly path: string; readonly url: URL };

/** `host`, `host:port` or an http(s) URL; with `user@`, for whom to ask when somebody has to log in. Throws ENDPOINT_INVALID. */
export function parseEndpoint(text: string): Endpoint {
  const withScheme = /^https?:\/\//.test(text) ? text : `http://${text}`;
  if (!URL.canParse(withScheme)) {
    throw new AppError({
      kind: "invalid",
      code: "ENDPOINT_INVALID",
      message: `"${text}" is not the address of an instance`,
      hint: "Give a URL like http://buildd.example.org:8066, or host:port",
    });
  }
  const url = new URL(withScheme);
  const hasPort = /:\d+\/?$/.test(text) || url.protocol === "https:";
  if (!hasPort && url.port === "") url.port = "8066";
  const { username } = url;
  // Else it would be sent as HTTP's own kind of login.
  url.username = "";
  url.password = "";
  return { kind: "network", url, ...(username !== "" && { user: decodeURIComponent(username) }) };
}
