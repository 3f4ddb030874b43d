import type { Command } from "commander";

export interface HelpText {
  /** "archive verify"; "" is the program itself. */
  readonly words: string;
  readonly text: string;
}

/** What `--help` prints, for the program and each command, as wide as a terminal of 80 columns. */
export function helpTexts(program: Command, words: readonly string[] = []): readonly HelpText[] {
  program.configureOutput({ getOutHelpWidth: () => 80 });
  const own = { words: words.join(" "), text: program.helpInformation() };
  const below = program.commands
    .filter((command) => command.name() !== "complete")
    .flatMap((command) => helpTexts(command, [...words, command.name()]));
  return [own, ...below];
}
