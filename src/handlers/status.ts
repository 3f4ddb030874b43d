import { status } from "../operations/index.ts";
import { countLiveBuilds, type ServedRepository } from "../views/index.ts";
import type { OperationContext } from "./context.ts";
import { implement } from "./implementation.ts";

export const handleStatus = implement(status, async (ctx, args) => {
  const repositories = ctx.views.served();
  return {
    version: ctx.instance.version,
    identity: ctx.instance.identity,
    url: ctx.instance.url,
    incoming_url: `ftp://${ctx.instance.hostname}:${ctx.instance.ftpPort}`,
    load: await load(ctx),
    chroots: chroots(repositories),
    remotes: [],
    ...(args.with_repositories && {
      repositories: Object.fromEntries(repositories.map((repository) => [repository.id, layoutOf(repository)])),
    }),
  };
});

/** As the original counts it: builds that wait or run, per build that can run at once; -1: none can. */
async function load(ctx: OperationContext): Promise<number> {
  if (ctx.instance.parallelBuilds === 0 || ctx.engine.isStopped()) return -1;

  const load = (await countLiveBuilds(ctx.views)) / ctx.instance.parallelBuilds;
  return Math.round(load * 100) / 100;
}

function chroots(repositories: readonly ServedRepository[]): string[] {
  const pairs = repositories.flatMap((repository) =>
    repository.distributions.flatMap((distribution) =>
      distribution.architectures.map((architecture) => `${distribution.codename}:${architecture.name}`),
    ),
  );
  return [...new Set(pairs)].sort();
}

function layoutOf(repository: ServedRepository) {
  const suites = repository.distributions.map((distribution) => [
    distribution.suite,
    {
      uploadable: distribution.isUploadable,
      experimental: distribution.isExperimental,
      migrates_to: distribution.migratesTo ?? null,
    },
  ]);
  return { codenames: [...repository.codenames], layout: Object.fromEntries(suites) as Record<string, SuiteStatus> };
}

type SuiteStatus = { uploadable: boolean; experimental: boolean; migrates_to: string | null };
