import { type AptSource, aptSourceLine, aptSourceStanza, repositoryUri } from "../handlers/index.ts";
import type { ServedDistribution } from "../views/index.ts";
import type { WebContext } from "./web-context.ts";

/** Contents of a file for /etc/apt/sources.list.d/, key included. */
export function aptSourceText(web: WebContext, repositoryId: string, distribution: ServedDistribution): string {
  const { publicKey } = web.context.instance;
  return aptSourceStanza(aptSourceOf(web, repositoryId, distribution), { types: ["deb", "deb-src"], armoredKey: publicKey });
}

/** The same in one line, for a key in a file. */
export function aptSourceLineText(web: WebContext, repositoryId: string, distribution: ServedDistribution): string {
  return aptSourceLine("deb", aptSourceOf(web, repositoryId, distribution), `signed-by=${keyringPath(web)}`);
}

/** Where the name of its file goes. */
export function aptSourceTitle(distribution: string): string {
  return `/etc/apt/sources.list.d/${distribution}.sources, key included`;
}

/** Armored keys need the suffix .asc for apt. */
export function keyringPath(web: WebContext): string {
  return `/etc/apt/keyrings/mini-buildd-${web.context.instance.identity}.asc`;
}

function aptSourceOf(web: WebContext, repositoryId: string, { name, components }: ServedDistribution): AptSource {
  return { uri: repositoryUri(web.context.instance, repositoryId), distribution: name, components };
}
