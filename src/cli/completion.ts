import type { Command, Option } from "commander";

/** Values of an argument or option that begin with what is typed; none where files are meant. */
export type CompleteValue = (name: string, typed: string) => Promise<readonly string[]>;

/**
 * What may stand where the last of these words is being typed, as `value` or `value<TAB>explanation`. `words` begin after
 * the program's name. Nothing: the shell offers files.
 */
export async function completeWords(
  program: Command,
  words: readonly string[],
  completeValue: CompleteValue,
): Promise<readonly string[]> {
  const typed = words.at(-1) ?? "";
  const { command, positions, awaiting } = readWords(program, words.slice(0, -1));
  if (awaiting !== undefined) return completeList(optionName(awaiting), typed, completeValue);

  const [, name, value] = /^--([\w-]+)=(.*)$/.exec(typed) ?? [];
  if (name !== undefined && value !== undefined) {
    const values = await completeList(name.replaceAll("-", "_"), value, completeValue);
    return values.map((each) => `--${name}=${each}`);
  }
  if (typed.startsWith("-")) return optionsOf(command, program, typed);
  if (command.commands.length > 0) return commandsOf(command, typed);

  const argument = command.registeredArguments[positions] ?? command.registeredArguments.findLast(({ variadic }) => variadic);
  return argument === undefined ? [] : completeList(argument.name(), typed, completeValue);
}

interface Position {
  readonly command: Command;
  /** Arguments of the command that are there already. */
  readonly positions: number;
  /** The last word is an option that wants a value. */
  readonly awaiting: Option | undefined;
}

function readWords(program: Command, words: readonly string[]): Position {
  let command = program;
  let positions = 0;
  let awaiting: Option | undefined;
  for (const word of words) {
    if (awaiting !== undefined) {
      awaiting = undefined;
      continue;
    }
    if (word.startsWith("-")) {
      const option = [...command.options, ...program.options].find(({ short, long }) => word === short || word === long);
      awaiting = option?.required === true ? option : undefined;
      continue;
    }
    const next = command.commands.find((each) => each.name() === word || each.aliases().includes(word));
    if (next === undefined) positions += 1;
    else command = next;
  }
  return { command, positions, awaiting };
}

function optionName(option: Option): string {
  return (option.long ?? "").replace(/^--/, "").replaceAll("-", "_");
}

/** Of a comma-joined list, the last item is completed. */
async function completeList(name: string, typed: string, completeValue: CompleteValue): Promise<readonly string[]> {
  const [, before = "", last = ""] = /^(.*,)?([^,]*)$/.exec(typed) ?? [];
  const values = await completeValue(name, last);
  return values.filter((value) => value.startsWith(last)).map((value) => `${before}${value}`);
}

function optionsOf(command: Command, program: Command, typed: string): readonly string[] {
  const options = command === program ? program.options : [...command.options, ...program.options];
  return options.flatMap(({ long, description }) =>
    long?.startsWith(typed) === true ? [`${long}\t${description.replaceAll("\t", " ")}`] : [],
  );
}

function commandsOf(command: Command, typed: string): readonly string[] {
  return command.commands
    .filter((each) => each.name().startsWith(typed) && each.name() !== "complete")
    .map((each) => `${each.name()}\t${each.description()}`);
}

/** Each asks the program itself, so that what it offers is true now. */
export const COMPLETION_SCRIPTS: Readonly<Record<string, string>> = {
  bash: `# Completion of mini-buildd for bash: source <(mini-buildd completion bash)
_mini_buildd() {
	local cur=\${COMP_WORDS[COMP_CWORD]} cword=$COMP_CWORD
	local -a words=("\${COMP_WORDS[@]}")
	if declare -F _get_comp_words_by_ref >/dev/null; then
		_get_comp_words_by_ref -n := cur words cword
	fi
	local line
	COMPREPLY=()
	while IFS= read -r line; do
		COMPREPLY+=("\${line%%$'\\t'*}")
	done < <("\${words[0]}" complete -- "\${words[@]:1:cword}" 2>/dev/null)
	if declare -F __ltrim_colon_completions >/dev/null; then
		__ltrim_colon_completions "$cur"
	fi
}
complete -o bashdefault -o default -F _mini_buildd mini-buildd
`,
  zsh: `#compdef mini-buildd
# Completion of mini-buildd for zsh: source <(mini-buildd completion zsh), after compinit
_mini_buildd() {
	local -a lines values texts
	lines=("\${(@f)$("\${words[1]}" complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
	lines=(\${lines:#})
	if (( \${#lines} == 0 )); then
		_files
		return
	fi
	values=("\${(@)lines%%$'\\t'*}")
	texts=("\${(@)lines/$'\\t'/  }")
	compadd -l -d texts -- "\${values[@]}"
}
compdef _mini_buildd mini-buildd
`,
  fish: `# Completion of mini-buildd for fish: mini-buildd completion fish | source
function __mini_buildd_complete
	set -l words (commandline -opc)
	set -l values ($words[1] complete -- $words[2..] (commandline -ct) 2>/dev/null)
	if test (count $values) -eq 0
		__fish_complete_path (commandline -ct)
	else
		printf '%s\\n' $values
	end
end
complete -c mini-buildd -f -a '(__mini_buildd_complete)'
`,
};
