import { type Command, InvalidArgumentError } from "commander";
import type { Client } from "../client/index.ts";
import { events, operations, search, status, userLs } from "../operations/index.ts";
import type { CommandContext } from "./command-context.ts";
import { COMPLETION_SCRIPTS, completeWords } from "./completion.ts";

const ANSWER_TIMEOUT_MS = 2_000;
const EVENT_TYPES = "PACKAGING,BUILDING,BUILT,INSTALLED,FAILED,REJECTED,MIGRATED,REMOVED,all".split(",");

/** `completion SHELL` prints the script for a shell; `complete` is what the scripts ask. */
export function addCompletionCommands(program: Command, ctx: CommandContext): void {
  const shells = Object.keys(COMPLETION_SCRIPTS);
  program
    .command("completion")
    .description("Print the completion for a shell; it asks the instance for what there is")
    .argument("<shell>", shells.join(", "), (shell: string) => {
      if (shells.includes(shell)) return shell;
      throw new InvalidArgumentError(`one of ${shells.join(", ")}.`);
    })
    .action((shell: string) => ctx.print(COMPLETION_SCRIPTS[shell] ?? ""));
  program
    .command("complete", { hidden: true })
    .argument("[words...]")
    .action(async (words: readonly string[]) => {
      // Nobody is to see an error in the middle of typing: then there is nothing to offer.
      const values = await completeWords(program, words, (name, typed) => liveValues(ctx, name, typed)).catch(() => []);
      ctx.print(values.map((value) => `${value}\n`).join(""));
    });
}

type Ask = (client: Client, typed: string, signal: AbortSignal) => Promise<readonly string[]>;

/** By the names that arguments have all over the registry. */
const LIVE_VALUES: Readonly<Record<string, Ask>> = {
  source: sources,
  pattern: sources,
  distribution: distributions,
  distributions,
  from_distribution: distributions,
  to_distribution: distributions,
  to_distributions: distributions,
  repository: async (client, _, signal) => Object.keys(await repositories(client, signal)),
  repositories: async (client, _, signal) => Object.keys(await repositories(client, signal)),
  codenames: async (client, _, signal) =>
    unique(Object.values(await repositories(client, signal)).flatMap((each) => each.codenames)),
  suites: async (client, _, signal) =>
    unique(Object.values(await repositories(client, signal)).flatMap((each) => Object.keys(each.layout))),
  upload: async (client, typed, signal) => (await newestEvents(client, typed, signal)).map((event) => event.upload ?? ""),
  bkey: async (client, typed, signal) => (await newestEvents(client, typed, signal)).map((event) => event.build ?? ""),
  types: () => Promise.resolve(EVENT_TYPES),
  operations: () => Promise.resolve(operations.map(({ name }) => name)),
  user: users,
};

async function liveValues(ctx: CommandContext, name: string, typed: string): Promise<readonly string[]> {
  const ask = LIVE_VALUES[name];
  if (ask === undefined) return [];
  const client = await ctx.connect({ isForOwner: name === "user" });
  return unique(await ask(client, typed, AbortSignal.timeout(ANSWER_TIMEOUT_MS)));
}

async function sources(client: Client, typed: string, signal: AbortSignal): Promise<readonly string[]> {
  return Object.keys(await client.call(search, { pattern: typed === "" ? "*" : typed }, { signal }));
}

async function distributions(client: Client, _: string, signal: AbortSignal): Promise<readonly string[]> {
  return Object.entries(await repositories(client, signal)).flatMap(([id, { codenames, layout }]) =>
    codenames.flatMap((codename) => Object.keys(layout).map((suite) => `${codename}-${id}-${suite}`)),
  );
}

async function repositories(client: Client, signal: AbortSignal) {
  return (await client.call(status, { with_repositories: true }, { signal })).repositories ?? {};
}

async function newestEvents(client: Client, typed: string, signal: AbortSignal) {
  const [source = ""] = typed.split("/");
  const query = { types: ["BUILDING", "PACKAGING"], limit: 100 };
  return (await client.call(events, typed.includes("/") ? { ...query, source } : query, { signal })).events;
}

async function users(client: Client, _: string, signal: AbortSignal): Promise<readonly string[]> {
  return (await client.call(userLs, {}, { signal })).users.map(({ name }) => name);
}

function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values)].filter((value) => value !== "").toSorted();
}
