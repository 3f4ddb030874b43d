import { type Command, Option } from "commander";
import { type Operation, type Parameter, parseArguments, restPath } from "../operations/index.ts";
import type { CommandContext } from "./command-context.ts";
import { eventFeed } from "./event-feed.ts";
import { formatEvent } from "./format-event.ts";
import { formatJson, formatResult } from "./format-result.ts";

/** Short names beside the operation's own. */
const COMMAND_NAMES: Readonly<Record<string, string>> = { catalog_plan: "plan", catalog_apply: "apply" };

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
  if (operation.name === "events") command.option("-f, --follow", "go on with what happens from now on, until interrupted");

  command.action(async (...given: unknown[]) => {
    const options = command.opts<Record<string, unknown>>();
    const raw = Object.fromEntries(positional.map(([key], index) => [key, given[index]]));
    for (const key of Object.keys(operation.parameters)) raw[key] ??= options[camelCase(key)];
    if (options["follow"] === true) await followEvents(ctx, raw, options["json"] === true);
    else await callOperation(ctx, operation, { raw, asJson: options["json"] === true });
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

async function callOperation(ctx: CommandContext, operation: Operation, { raw, asJson }: OperationCall): Promise<void> {
  // Checked here too, so that a mistake is told without a server.
  parseArguments(operation, raw, { unknown: "refuse" });
  const client = ctx.connect({ isForOwner: operation.access !== "none" });
  const given = Object.entries(raw).filter(([, value]) => value !== undefined);
  const path = `/api/v1/${restPath(operation)}`;

  const result = operation.changesState
    ? await client.json({ method: "POST", path, json: Object.fromEntries(given), signal: ctx.signal })
    : await client.json({ method: "GET", path: `${path}?${queryOf(given)}`, signal: ctx.signal });
  ctx.print(asJson ? formatJson(result) : formatResult(operation, result));
}

function queryOf(given: readonly (readonly [string, unknown])[]): string {
  const texts = given.map(([key, value]): [string, string] => [key, value === true ? "True" : String(value)]);
  return new URLSearchParams(texts).toString();
}

async function followEvents(ctx: CommandContext, raw: Readonly<Record<string, unknown>>, asJson: boolean): Promise<void> {
  const after = raw["after"] === undefined ? undefined : Number(raw["after"]);
  const types = typeof raw["types"] === "string" ? raw["types"].split(",") : undefined;
  const client = ctx.connect({ isForOwner: false });
  for await (const event of eventFeed(client, { afterId: after, types, signal: ctx.signal })) {
    const isWanted = raw["source"] === undefined || raw["source"] === event.source;
    if (!isWanted || (raw["upload"] !== undefined && raw["upload"] !== event.upload)) continue;
    ctx.print(asJson ? `${JSON.stringify(event)}\n` : formatEvent(event));
  }
}
