import { join } from "node:path";
import { parseChanges } from "../../formats/index.ts";
import { AppError, commandError, type EndedCommand } from "../../runtime/index.ts";
import type { PackagerContext } from "../packager-context.ts";
import { changelogEntry } from "./changelog-entry.ts";
import type { GatheredSource } from "./gather-source.ts";
import type { MadeSource } from "./made-source.ts";
import type { Workshop, WorkshopCommand } from "./open-workshop.ts";

const IN = "/build/in";
const OUT = "/build/out";
const TREE = `${OUT}/tree`;
/** Our entry comes on standard input. */
const PREPEND = "cat - debian/changelog > ../changelog.new && cat ../changelog.new > debian/changelog && rm ../changelog.new";

interface Packing {
  readonly made: MadeSource;
  readonly gathered: GatheredSource;
  readonly workshop: Workshop;
  readonly inPath: string;
  readonly outPath: string;
  readonly signal: AbortSignal;
}

/**
 * Make the source package in a testbed; its files are in `outPath` then. Returns the text of its .changes, unsigned.
 * All that runs there may be steered by a hostile source, and so may be what comes out. Throws SOURCE_NOT_PACKABLE
 * (invalid).
 */
export async function packSource(context: PackagerContext, packing: Packing): Promise<string> {
  const { made, gathered, workshop, inPath, outPath, signal } = packing;
  const run = (command: Pick<WorkshopCommand, "argv" | "cwd" | "input">): Promise<EndedCommand> =>
    workshop.run({ ...command, timeoutMs: context.limits.sourceMakingTimeoutMs, outputBytesMax: 4 * 1024 ** 2, signal });
  const must = async (command: Pick<WorkshopCommand, "argv" | "cwd" | "input">): Promise<EndedCommand> => {
    const ended = await run(command);
    signal.throwIfAborted();
    if (ended.reason === "exited" && ended.exitCode === 0) return ended;
    throw notPackable(made, command.argv, ended);
  };

  await workshop.copyIn(inPath, gathered.kind === "tree" ? TREE : IN);
  if (gathered.kind === "package") {
    await must({ argv: ["mkdir", "-p", OUT], cwd: "/build" });
    const originals = gathered.dsc.files.map(({ name }) => name).filter((name) => name.includes(".orig"));
    if (originals.length > 0) await must({ argv: ["cp", "--", ...originals, OUT], cwd: IN });
    await must({ argv: ["dpkg-source", "--no-copy", "--extract", join(IN, gathered.dscName), TREE], cwd: OUT });
    await must({ argv: ["sh", "-ec", PREPEND], cwd: TREE, input: changelogEntry(context.own, made, gathered.options) });
  }
  await must({ argv: ["dpkg-source", "--build", TREE], cwd: OUT });
  const { stdout } = await must({ argv: ["dpkg-genchanges", "-S", "-sa", "-q"], cwd: TREE });

  const changesText = stdout.toString("utf8");
  for (const { name, sizeBytes } of parseChanges(changesText).files)
    await workshop.copyOut(join(OUT, name), join(outPath, name), { sizeBytesMax: sizeBytes });
  return changesText;
}

function notPackable({ source, version }: MadeSource, argv: readonly string[], ended: EndedCommand): AppError {
  if (ended.reason !== "exited") return commandError(argv, ended);

  const lines = ended.stderr.toString("utf8").trim().split("\n");
  const why = lines.findLast((line) => /error/i.test(line)) ?? lines.at(-1) ?? "";
  return new AppError({
    kind: "invalid",
    code: "SOURCE_NOT_PACKABLE",
    message: `${source} ${version} cannot be made: ${argv[0]} ended with ${ended.exitCode}: ${why.slice(0, 500)}`,
    hint: "Look whether `dpkg-source -x` and `dpkg-source -b` work with this source in that release",
    facts: { output: lines.slice(-40) },
  });
}
