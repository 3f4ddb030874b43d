import type { Argument, Command, Option } from "commander";
import { findOperation, type Operation } from "../operations/index.ts";

export interface ManPage {
  /** mini-buildd-ls.1 */
  readonly fileName: string;
  readonly roff: string;
}

/** One page for the program and one for each of its commands, from what the commands themselves say. */
export function manPages(program: Command, version: string): readonly ManPage[] {
  const commands = listCommands(program);
  return [
    { fileName: "mini-buildd.1", roff: programPage(program, commands, version) },
    ...commands.map((entry) => ({ fileName: `${entry.title}.1`, roff: commandPage(entry, version) })),
  ];
}

interface CommandEntry {
  /** mini-buildd-archive-verify */
  readonly title: string;
  /** As typed: "archive verify". */
  readonly words: string;
  readonly command: Command;
}

function listCommands(parent: Command, words: readonly string[] = []): CommandEntry[] {
  return parent.commands
    .filter((command) => !isHidden(command))
    .flatMap((command) => {
      const path = [...words, command.name()];
      const entry = { title: `mini-buildd-${path.join("-").replaceAll("_", "-")}`, words: path.join(" "), command };
      return command.commands.length > 0 ? listCommands(command, path) : [entry];
    });
}

/** Commander's own mark, which it does not show. */
function isHidden(command: Command): boolean {
  return (command as unknown as { _hidden?: boolean })._hidden === true;
}

function programPage(program: Command, commands: readonly CommandEntry[], version: string): string {
  return page([
    header("mini-buildd", version),
    section("NAME", [`${escape("mini-buildd")} \\- ${escape(program.description())}`]),
    section("SYNOPSIS", [`${bold("mini-buildd")} [\\fIoption\\fR\\|.\\|.\\|.] \\fIcommand\\fR [\\fIargument\\fR\\|.\\|.\\|.]`]),
    section(
      "COMMANDS",
      commands.flatMap(({ words, command }) => item(bold(words), command.description())),
    ),
    section("OPTIONS", program.options.flatMap(optionItem)),
    section(
      "ENVIRONMENT",
      ENVIRONMENT.flatMap(([name, text]) => item(bold(name), text)),
    ),
    section(
      "FILES",
      FILES.flatMap(([name, text]) => item(`\\fI${escape(name)}\\fR`, text)),
    ),
    section("EXIT STATUS", exitStatusItems()),
    section("SEE ALSO", [seeAlso(commands.map(({ title }) => title))]),
  ]);
}

function commandPage({ title, words, command }: CommandEntry, version: string): string {
  const operation = findOperation(command.name()) ?? findOperation(command.aliases()[0] ?? "");
  const aliases = command.aliases();
  return page([
    header(title, version),
    section("NAME", [`${escape(title)} \\- ${escape(command.description())}`]),
    section("SYNOPSIS", [`.B mini\\-buildd ${escape(words)}`, escape(command.usage())]),
    section("DESCRIPTION", [
      ...describe(command, operation),
      ...(aliases.length > 0 ? [".PP", `Also: ${aliases.map(bold).join(", ")}.`] : []),
    ]),
    section("ARGUMENTS", command.registeredArguments.flatMap(argumentItem)),
    section("OPTIONS", command.options.flatMap(optionItem)),
    section("EXAMPLE", exampleLines(words, operation)),
    section("EXIT STATUS", exitStatusItems()),
    section("SEE ALSO", [seeAlso(["mini-buildd"])]),
  ]);
}

const ACCESS_TEXTS: Readonly<Record<Operation["access"], string>> = {
  none: "Open to everybody.",
  login: "For users who are logged in.",
  staff: "For users with the role staff or admin.",
  admin: "For users with the role admin.",
};

function describe(command: Command, operation: Operation | undefined): string[] {
  const lines = [sentence(command.description())];
  if (operation === undefined) return lines;
  const right = operation.repositoryRight?.right;
  const more = right === undefined ? "" : ` Also for who has the right ${bold(right)} in all repositories it is about.`;
  return [...lines, ".PP", `${ACCESS_TEXTS[operation.access]}${more}`];
}

function sentence(text: string): string {
  return `${escape(text)}.`;
}

function exampleLines(words: string, operation: Operation | undefined): string[] {
  if (operation === undefined) return [];
  const parts = Object.entries(operation.example).map(([name, value]) => {
    const parameter = operation.parameters[name];
    if (parameter?.isPositional === true) return value;
    const option = `--${name.replaceAll("_", "-")}`;
    return parameter?.kind === "flag" ? option : `${option} ${value}`;
  });
  return [".nf", ...[`mini-buildd ${[words, ...parts].join(" ")}`].flatMap((text) => text.split("\n")).map(escape), ".fi"];
}

function argumentItem(argument: Argument): string[] {
  const name = `\\fI${escape(argument.name())}\\fR${argument.variadic ? "\\|.\\|.\\|." : ""}`;
  return item(argument.required ? name : `[${name}]`, argument.description);
}

function optionItem(option: Option): string[] {
  const value = option.defaultValue;
  const isWorthSaying = (typeof value === "string" || typeof value === "number") && !option.description.includes("(default");
  return item(bold(option.flags), isWorthSaying ? `${option.description} (default: ${value})` : option.description);
}

const ENVIRONMENT: readonly (readonly [string, string])[] = [
  ["MINI_BUILDD_ENDPOINT", "the instance, when --endpoint does not name it: URL, host:port, or a host of dput.cf"],
  ["MINI_BUILDD_TOKEN", "an API token, instead of one that login has kept"],
  [
    "NODE_EXTRA_CA_CERTS",
    "a file of certificates that are trusted beside those of the system: for a self-made one of the instance",
  ],
];

const FILES: readonly (readonly [string, string])[] = [
  ["~/.config/mini-buildd/client.toml", 'endpoint = "…": the instance, when neither option nor environment names it'],
  ["~/.config/mini-buildd/credentials.json", "API tokens that login keeps; refused when others may read it"],
  ["~/.dput.cf, /etc/dput.cf", "hosts to upload to, which are endpoints too"],
  ["/var/lib/mini-buildd", "home of the instance on this machine"],
];

const EXIT_STATUS: readonly (readonly [string, string])[] = [
  ["0", "it is done"],
  ["1", "an upload was rejected or failed; the archive is not whole"],
  ["2", "wrong input"],
  ["3", "not logged in, or not allowed"],
  ["4", "there is no such thing"],
  ["5", "the state does not allow it now"],
  ["6", "unavailable; may pass"],
  ["70", "a defect of mini-buildd"],
  ["130", "interrupted"],
];

function exitStatusItems(): string[] {
  return EXIT_STATUS.flatMap(([status, text]) => item(bold(status), text));
}

function header(title: string, version: string): string {
  return `.TH ${escape(title.toUpperCase())} 1 "" "mini\\-buildd ${escape(version)}" "User Commands"`;
}

function section(name: string, lines: readonly string[]): string {
  return lines.length === 0 ? "" : [`.SH ${name.includes(" ") ? `"${name}"` : name}`, ...lines].join("\n");
}

function item(term: string, text: string): string[] {
  return [".TP", term, escape(text)];
}

function seeAlso(titles: readonly string[]): string {
  return titles.map((title) => `.BR ${escape(title)} (1)`).join(" ,\n");
}

function bold(text: string): string {
  return `\\fB${escape(text)}\\fR`;
}

/** A line of text: nothing in it is a request or an escape of roff's. */
function escape(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("…", "\\|.\\|.\\|.")
    .replace(/^(?=['.])/, "\\&");
}

function page(sections: readonly string[]): string {
  return `${sections.filter((text) => text !== "").join("\n")}\n`;
}
