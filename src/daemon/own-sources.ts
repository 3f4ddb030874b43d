import type { OwnSourceActs } from "../handlers/index.ts";
import {
  awaitSources,
  checkTests,
  debdiff,
  type PackagerContext,
  requestExternalPort,
  requestKeyrings,
  requestPort,
  requestRebuild,
  requestTests,
} from "../packager/index.ts";
import { AppError } from "../runtime/index.ts";
import type { Engine } from "./engine.ts";

/** What operations ask of the packager's own sources. */
export function constructOwnSources({ packager, mirrors }: Engine): OwnSourceActs {
  const compare = limited((request: Parameters<typeof debdiff>[1]) => debdiff(packager, request), packager.limits.debdiffsMax);
  return {
    port: ({ by, ...request }) => requestPort(packager, { ...request, by: by.name }),
    portExternal: ({ by, ...request }) => requestExternalPort(packager, { ...request, by: by.name }),
    rebuild: ({ by, ...request }) => requestRebuild(packager, { ...request, by: by.name }),
    keyringPackages: ({ by, ...request }) => requestKeyrings(packager, { ...request, by: by.name }),
    testPackages: ({ by, withCheck, ...request }) => testPackages(packager, { ...request, by: by.name, withCheck }),
    debdiff: compare,
    mirror: (request) => mirrors.make(request),
    mirrors: () => mirrors.list(),
  };
}

async function testPackages(
  packager: PackagerContext,
  { withCheck, ...request }: Parameters<typeof requestTests>[1] & { readonly withCheck: boolean },
): ReturnType<OwnSourceActs["testPackages"]> {
  const requested = await requestTests(packager, request);
  if (!withCheck) return requested;

  const progress = await awaitSources(
    packager,
    requested.map(({ id }) => id),
  );
  checkTests(progress);
  return requested.map((each) => ({ ...each, ending: progress.find(({ id }) => id === each.id)?.ending }));
}

/** Anybody may ask, and each takes a testbed: those beyond `max` at once are refused. */
function limited<Request, Result>(work: (request: Request) => Promise<Result>, max: number): typeof work {
  let running = 0;
  return async (request) => {
    if (running >= max) throw tooMany(max);
    running += 1;
    try {
      return await work(request);
    } finally {
      running -= 1;
    }
  };
}

function tooMany(max: number): AppError {
  return new AppError({
    kind: "unavailable",
    code: "DEBDIFF_BUSY",
    message: `${max} comparisons are being made already`,
    hint: "Try again in a moment",
  });
}
