import { debdiff, debmirror, debmirrorLs, keyringPackages, port, portExt, rebuild, testPackages } from "../operations/index.ts";
import type { RequestedPort } from "../packager/index.ts";
import { implement } from "./implementation.ts";

export const handlePort = implement(port, async (ctx, args, by) => {
  const { source, from_distribution: from, to_distributions: to, version, options } = args;
  return (await ctx.ownSources.port({ source, from, to, version, options, by })).map(portView);
});

export const handlePortExt = implement(portExt, async (ctx, args, by) => {
  const { dsc: dscUrl, distributions: to, options, allow_unauthenticated: allowUnauthenticated } = args;
  return (await ctx.ownSources.portExternal({ dscUrl, to, options, allowUnauthenticated, by })).map(portView);
});

export const handleRebuild = implement(rebuild, async (ctx, args, by) => {
  const { sourceVersion, uploadId, architectures, notes, ...asked } = await ctx.ownSources.rebuild({ ...args, by });
  const upload = uploadId ?? null;
  return { ...asked, source_version: sourceVersion, architectures: [...architectures], upload, notes: [...notes] };
});

export const handleKeyringPackages = implement(keyringPackages, async (ctx, args, by) => {
  const { distributions, without_migration: withoutMigration } = args;
  const made = await ctx.ownSources.keyringPackages({ distributions, withoutMigration, by });
  return made.map((each) => ({ ...portView(each), event: null }));
});

export const handleTestPackages = implement(testPackages, async (ctx, args, by) => {
  const { sources, distributions, auto_ports: autoPorts, with_check: withCheck } = args;
  const made = await ctx.ownSources.testPackages({ sources, distributions, autoPorts, withCheck, by });
  return made.map((each) => ({ ...portView(each), event: each.ending ?? null }));
});

export const handleDebdiff = implement(debdiff, (ctx, args) => {
  const { source, repository: repositoryId, versiona: versionA, versionb: versionB } = args;
  return ctx.ownSources.debdiff({ source, repositoryId, versionA, versionB });
});

export const handleDebmirror = implement(debmirror, async (ctx, { no_wait: isNotAwaited, ...args }, by) => {
  await ctx.ownSources.mirror({ ...args, wait: !isNotAwaited, by: by.name });
  return {};
});

export const handleDebmirrorLs = implement(debmirrorLs, async (ctx) => ({
  mirrors: (await ctx.ownSources.mirrors()).map(({ requestedAt, endedAt, state, progress, problem, ...mirror }) => ({
    ...mirror,
    state: state === "leased" ? ("running" as const) : state,
    requested_at: requestedAt.toISOString(),
    ended_at: endedAt?.toISOString() ?? null,
    progress: progress ?? null,
    problem: problem ?? null,
  })),
}));

function portView({ dscUrl, source, distribution, version }: RequestedPort) {
  return { dsc_url: dscUrl, source, distribution, version };
}
