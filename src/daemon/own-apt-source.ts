import type { OrderAptSource } from "../buildorder/index.ts";
import type { DistributionTarget } from "../catalog/index.ts";
import { aptSourceStanza } from "../handlers/index.ts";

/** APT priority at which our packages count only where nothing else satisfies. */
const ONLY_IF_NEEDED = 1;

/** One of our own distributions as builds see it. A change of `revision` makes package lists stale. */
export function ownAptSource(
  target: DistributionTarget,
  options: { readonly url: string; readonly armoredKey: string; readonly priority: number; readonly revision: string },
): OrderAptSource {
  const { name, repositoryId, components } = target;
  const uri = `${options.url}/repositories/${repositoryId}`;
  return {
    name: `own-${name}`,
    deb822: aptSourceStanza({ uri, distribution: name, components }, { types: ["deb"], armoredKey: options.armoredKey }),
    preferences: `Package: *\nPin: release n=${name}\nPin-Priority: ${options.priority}\n`,
    revision: options.revision,
    onlyIfNeeded: options.priority <= ONLY_IF_NEEDED,
  };
}
