import { type ArgumentsFor, sourcesList } from "../operations/index.ts";
import { AppError } from "../runtime/index.ts";
import type { ServedDistribution, ServedRepository } from "../views/index.ts";
import { deb822Source, optionFields } from "./apt-stanza.ts";
import type { InstanceFacts } from "./context.ts";
import { implement } from "./implementation.ts";
import { aptSourceLine } from "./snippets.ts";

type Arguments = ArgumentsFor<typeof sourcesList>;

interface SourceEntry {
  readonly comment: string;
  /** A second line of comment. */
  readonly advice?: string | undefined;
  readonly uri: string;
  readonly distribution: string;
  readonly components: readonly string[];
  readonly isOwn: boolean;
  readonly signedBy?: string | undefined;
}

export const handleSourcesList = implement(sourcesList, (ctx, args) => {
  refuseUnknownTypes(args.types);
  const entries = ctx.views.served().flatMap((repository) => repositoryEntries(ctx.instance, repository, args));
  if (args.deb822) return stanzas(ctx.instance, entries, args);
  return entries
    .flatMap((entry) => entryLines(entry, args))
    .map((line) => `${line}\n`)
    .join("");
});

/** One stanza has both types. Our own have our key in them, unless the options name one. */
function stanzas(instance: InstanceFacts, entries: readonly SourceEntry[], args: Arguments): string {
  const fields = optionFields(args.options ?? "");
  return entries
    .map((entry) =>
      deb822Source({
        ...entry,
        types: args.types ?? ["deb"],
        comments: args.with_comment ? [entry.comment, entry.advice].filter((line) => line !== undefined) : [],
        fields,
        signedBy: entry.isOwn ? instance.publicKey : entry.signedBy,
      }),
    )
    .join("\n");
}

function repositoryEntries(instance: InstanceFacts, repository: ServedRepository, args: Arguments): SourceEntry[] {
  if (!isChosen(args.repositories, repository.id)) return [];

  const uri =
    args.mirror === undefined
      ? `${instance.url}/repositories/${repository.id}`
      : `${args.mirror.replace(/\/+$/, "")}/${repository.id}`;
  const distributions = repository.distributions.filter(
    (distribution) => isChosen(args.codenames, distribution.codename) && isChosen(args.suites, distribution.suite),
  );
  return [
    ...extraEntries(distributions, args),
    ...distributions.flatMap((distribution) => distributionEntries(instance.origin, { uri, distribution }, args)),
  ];
}

function distributionEntries(
  origin: string,
  { uri, distribution }: { uri: string; distribution: ServedDistribution },
  args: Arguments,
): SourceEntry[] {
  const snapshot = args.snapshot === undefined ? "" : `/snapshots/${args.snapshot}`;
  const rollbacks = Array.from({ length: Math.min(args.rollbacks, distribution.rollbacks) }, (_, number) => `-rollback${number}`);
  const { aptPriority } = distribution;
  return ["", ...rollbacks].map((rollback) => ({
    comment: `${origin} '${distribution.name}${rollback}': release n=${distribution.name}${rollback}, o=${origin}`,
    advice:
      aptPriority === undefined || rollback !== ""
        ? undefined
        : `advised APT priority: ${aptPriority} (mini-buildd apt-preferences writes the file)`,
    uri,
    distribution: `${distribution.name}${rollback}${snapshot}`,
    components: distribution.components,
    isOwn: true,
  }));
}

function extraEntries(distributions: readonly ServedDistribution[], args: Arguments): SourceEntry[] {
  if (!args.with_extra) return [];

  const byName = new Map(
    distributions.flatMap((distribution) => distribution.extraSources.map((source) => [source.name, source])),
  );
  return [...byName.values()].map((source) => ({
    comment: `archive source '${source.name}'`,
    uri: source.uri,
    distribution: source.suite,
    components: source.components,
    isOwn: false,
    signedBy: source.signedBy,
  }));
}

function entryLines(entry: SourceEntry, args: Arguments): string[] {
  return (args.types ?? ["deb"]).flatMap((type) => [
    ...(args.with_comment ? [entry.comment, entry.advice] : []).filter((line) => line !== undefined).map((line) => `# ${line}`),
    aptSourceLine(type, entry, args.options ?? ""),
  ]);
}

function isChosen(chosen: readonly string[] | undefined, name: string): boolean {
  return chosen === undefined || chosen.includes(name);
}

function refuseUnknownTypes(types: readonly string[] | undefined): void {
  const unknown = types?.find((type) => type !== "deb" && type !== "deb-src");
  if (unknown === undefined) return;

  throw new AppError({
    kind: "invalid",
    code: "ARGUMENT_INVALID",
    message: `Argument types of 'sources_list' is wrong: ${unknown.slice(0, 100)}`,
    hint: "Types are deb and deb-src",
  });
}
