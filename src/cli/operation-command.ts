import { type Command, Option } from "commander";
import type { Client } from "../client/index.ts";
import { type Operation, type Parameter, parseArguments, restPath } from "../operations/index.ts";
import { AppError } from "../runtime/index.ts";
import type { CommandContext } from "./command-context.ts";
import { followLog } from "./follow-log.ts";
import { formatEvent } from "./format-event.ts";
import { formatJson, formatResult } from "./format-result.ts";
import { withPassword } from "./login-command.ts";
import { DEFAULT_WATCH_SECONDS, parseWatchSeconds, watch } from "./watch.ts";

/** Short names beside the operation's own. */
const COMMAND_NAMES: Readonly<Record<string, string>> = { catalog_plan: "plan", catalog_apply: "apply" };

/** What else comes after the answer of an operation. */
const FOLLOWERS: Readonly<Record<string, (ctx: CommandContext, call: OperationCall) => Promise<void>>> = {
  events: followEvents,
  log: followLog,
};

/** Make the command of an operation: its arguments, options and help are the operation's. */
export function addOperationCommand(program: Command, operation: Operation, ctx: CommandContext): void {
  const name = COMMAND_NAMES[operation.name] ?? operation.name;
  const command = program.command(name).description(operation.summary);
  for (const alias of new Set([operation.name, restPath(operation)])) if (alias !== name) command.alias(alias);

  const positional = Object.entries(operation.parameters).filter(([, parameter]) => parameter.isPositional);
  for (const [key, parameter] of positional) command.argument(parameter.isRequired ? `<${key}>` : `[${key}]`, parameter.summary);
  for (const [key, parameter] of Object.entries(operation.parameters)) {
    if (!parameter.isPositional) command.addOption(optionOf(key, parameter));
  }
  command.option("--json", "print the result as JSON");
  if (!operation.changesState) {
    const summary = `show it again every so many seconds (default: ${DEFAULT_WATCH_SECONDS}), until interrupted`;
    command.addOption(new Option("--watch [seconds]", summary).argParser(parseWatchSeconds).preset(DEFAULT_WATCH_SECONDS));
  }
  const follow = FOLLOWERS[operation.name];
  if (follow !== undefined) command.option("-f, --follow", "go on with what comes from now on, until interrupted");

  command.action(async (...given: unknown[]) => {
    const options = command.opts<Record<string, unknown>>();
    const raw = Object.fromEntries(positional.map(([key], index) => [key, given[index]]));
    for (const key of Object.keys(operation.parameters)) raw[key] ??= options[camelCase(key)];
    const call = { raw, asJson: options["json"] === true };
    if (follow !== undefined && options["follow"] === true) await follow(ctx, call);
    else if (typeof options["watch"] !== "number") ctx.print(await resultText(ctx, operation, call));
    else await watch(ctx, options["watch"], () => resultText(ctx, operation, call));
  });
}

function optionOf(key: string, parameter: Parameter): Option {
  const long = `--${key.replaceAll("_", "-")}`;
  const names = parameter.short === undefined ? long : `-${parameter.short}, ${long}`;
  if (parameter.kind === "flag") return new Option(names, parameter.summary);

  const option = new Option(`${names} <${parameter.kind}>`, parameter.summary);
  if (parameter.isRequired) option.makeOptionMandatory();
  return option;
}

/** As commander names an option's value: with-loss → withLoss. */
function camelCase(key: string): string {
  return key.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}

interface OperationCall {
  readonly raw: Readonly<Record<string, unknown>>;
  readonly asJson: boolean;
}

async function resultText(ctx: CommandContext, operation: Operation, { raw, asJson }: OperationCall): Promise<string> {
  // Checked before anything is asked, so that a mistake is told without a server.
  parseArguments(operation, raw, { unknown: "refuse" });
  const client = await ctx.connect({ isForOwner: operation.access !== "none" });
  const result = await callAsSomebody(ctx, client, (as) => as.callRaw(operation, raw, { signal: ctx.signal }));
  return asJson ? formatJson(result) : formatResult(operation, result);
}

/** Who is refused as a stranger, and sits at a terminal, is asked for name and password. */
async function callAsSomebody(ctx: CommandContext, client: Client, run: (client: Client) => Promise<unknown>): Promise<unknown> {
  try {
    return await run(client);
  } catch (error) {
    const isStranger = error instanceof AppError && error.kind === "unauthenticated" && !client.api.hasToken;
    if (!isStranger || !ctx.isInteractive) throw error;
    return withPassword(client.api, run);
  }
}

async function followEvents(ctx: CommandContext, { raw, asJson }: OperationCall): Promise<void> {
  const afterId = raw["after"] === undefined ? undefined : Number(raw["after"]);
  const types = typeof raw["types"] === "string" ? raw["types"].split(",") : undefined;
  const client = await ctx.connect({ isForOwner: false });
  for await (const event of client.events({ afterId, types, signal: ctx.signal })) {
    const isWanted = raw["source"] === undefined || raw["source"] === event.source;
    if (!isWanted || (raw["upload"] !== undefined && raw["upload"] !== event.upload)) continue;
    ctx.print(asJson ? `${JSON.stringify(event)}\n` : formatEvent(event));
  }
}
