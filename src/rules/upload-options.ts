import { formatRelations, parseRelations, tryParseDistributionName } from "../formats/index.ts";
import { AppError } from "../runtime/index.ts";
import { findOptionLines, type OptionLine } from "./option-lines.ts";
import type { Problem } from "./problem.ts";

/** What a check's findings do: nothing is run; run but never fatal; errors are fatal; warnings too. */
export const QA_MODES = ["disabled", "ignore", "errfail", "warnfail"] as const;
export type QaMode = (typeof QA_MODES)[number];

/** What an uploader may ask for in the changelog. Absent: the distribution's setting counts. */
export interface OptionValues {
  readonly lintianMode?: QaMode;
  readonly piupartsMode?: QaMode;
  readonly autopkgtestMode?: QaMode;
  readonly internalAptPriority?: number;
  /** Names of distributions; never for one architecture only. */
  readonly autoPorts?: readonly string[];
  readonly debBuildOptions?: readonly string[];
  readonly debBuildProfiles?: readonly string[];
  /** Relations, one dependency each. */
  readonly addDepends?: readonly string[];
}

export interface UploadOptions {
  readonly common: OptionValues;
  /** `key[amd64]=value` */
  readonly perArchitecture: ReadonlyMap<string, OptionValues>;
}

export interface ParsedUploadOptions {
  readonly options: UploadOptions;
  /** All at once: UPLOAD_OPTION_UNKNOWN, UPLOAD_OPTION_DUPLICATE, UPLOAD_OPTION_INVALID. */
  readonly problems: readonly Problem[];
}

/** "key" → where it goes and how its value is read; undefined: the value is wrong. */
type Reader = (value: string) => OptionValues | undefined;

const READERS: Readonly<Record<string, { readonly read: Reader; readonly expects: string }>> = {
  "lintian-mode": modeReader("lintianMode"),
  "piuparts-mode": modeReader("piupartsMode"),
  "autopkgtest-mode": modeReader("autopkgtestMode"),
  "internal-apt-priority": { read: readPriority, expects: "a whole number" },
  "auto-ports": {
    read: listReader("autoPorts", isPortTarget),
    expects: "distributions, separated by commas",
  },
  "deb-build-options": {
    read: listReader("debBuildOptions", (word) => /^[a-z0-9][A-Za-z0-9=+._-]*$/.test(word)),
    expects: "words like nocheck or parallel=2, separated by commas",
  },
  "deb-build-profiles": {
    read: listReader("debBuildProfiles", (word) => /^[a-z0-9][a-z0-9+.-]*$/.test(word)),
    expects: "words like nodoc, separated by commas",
  },
  "add-depends": { read: readDepends, expects: "package relations, separated by commas" },
};

/**
 * The options in the top entry of a changelog (or the Changes field of a .changes): lines
 * `* MINI_BUILDD_OPTION: key[architecture]=value`, and the original's older spellings. White space in values is
 * dropped. With `architectures`, others are a problem. Wrong lines are reported and have no effect.
 */
export function parseUploadOptions(entryText: string, architectures?: readonly string[]): ParsedUploadOptions {
  const problems: Problem[] = [];
  const seen = new Set<string>();
  let common: OptionValues = {};
  const perArchitecture = new Map<string, OptionValues>();

  for (const line of findOptionLines(entryText)) {
    const id = line.architecture === undefined ? line.key : `${line.key}[${line.architecture}]`;
    const values = readLine(line, architectures);
    const problem = seen.has(id) ? duplicate(id) : "code" in values ? values : undefined;
    seen.add(id);

    if (problem !== undefined) problems.push(problem);
    else if (line.architecture === undefined) common = { ...common, ...values };
    else perArchitecture.set(line.architecture, { ...perArchitecture.get(line.architecture), ...values });
  }
  return { options: { common, perArchitecture }, problems };
}

/** What counts for a build of this architecture. */
export function optionsForArchitecture({ common, perArchitecture }: UploadOptions, architecture: string): OptionValues {
  return { ...common, ...perArchitecture.get(architecture) };
}

const KEYS = {
  lintianMode: "lintian-mode",
  piupartsMode: "piuparts-mode",
  autopkgtestMode: "autopkgtest-mode",
  internalAptPriority: "internal-apt-priority",
  autoPorts: "auto-ports",
  debBuildOptions: "deb-build-options",
  debBuildProfiles: "deb-build-profiles",
  addDepends: "add-depends",
} as const satisfies Record<keyof OptionValues, string>;

/** As lines of a changelog would have them: "lintian-mode=ignore", "deb-build-options[amd64]=nocheck". */
export function formatUploadOptions({ common, perArchitecture }: UploadOptions): string[] {
  const lines = (values: OptionValues, suffix: string): string[] =>
    (Object.keys(KEYS) as (keyof OptionValues)[]).flatMap((name) => {
      const value = values[name];
      return value === undefined ? [] : [`${KEYS[name]}${suffix}=${typeof value === "object" ? value.join(",") : value}`];
    });
  return [...lines(common, ""), ...[...perArchitecture].flatMap(([name, values]) => lines(values, `[${name}]`))];
}

/** The line's values, or what is wrong with it. */
function readLine({ key, architecture, value, text }: OptionLine, architectures?: readonly string[]): OptionValues | Problem {
  const reader = Object.hasOwn(READERS, key) ? READERS[key] : undefined;
  if (reader === undefined) return unknownKey(text);
  if (architecture !== undefined && architectures !== undefined && !architectures.includes(architecture)) {
    return invalidOption(text, `architecture ${architecture} is not built`, `There are: ${architectures.join(", ")}`);
  }
  if (architecture !== undefined && key === "auto-ports") {
    return invalidOption(text, "ports are made for all architectures", "Leave the architecture out");
  }
  return reader.read(value) ?? invalidOption(text, `the value must be ${reader.expects}`, undefined);
}

function modeReader(name: "lintianMode" | "piupartsMode" | "autopkgtestMode"): { read: Reader; expects: string } {
  const read: Reader = (value) => {
    const mode = QA_MODES.find((mode) => mode === value.toLowerCase());
    return mode === undefined ? undefined : { [name]: mode };
  };
  return { read, expects: `one of ${QA_MODES.join(", ")}` };
}

function listReader(name: "autoPorts" | "debBuildOptions" | "debBuildProfiles", isGood: (word: string) => boolean): Reader {
  return (value) => {
    const words = value.split(",").filter((word) => word !== "");
    return words.length > 0 && words.every(isGood) ? { [name]: words } : undefined;
  };
}

/** Rollback distributions are views, nothing can be put there. */
function isPortTarget(word: string): boolean {
  const name = tryParseDistributionName(word);
  return name !== undefined && name.rollback === undefined;
}

function readPriority(value: string): OptionValues | undefined {
  return /^-?[0-9]{1,5}$/.test(value) ? { internalAptPriority: Number(value) } : undefined;
}

function readDepends(value: string): OptionValues | undefined {
  try {
    const addDepends = parseRelations(value).map((dependency) => formatRelations([dependency]));
    return addDepends.length > 0 ? { addDepends } : undefined;
  } catch (error) {
    if (error instanceof AppError && error.kind === "invalid") return undefined;
    throw error;
  }
}

function duplicate(id: string): Problem {
  return { code: "UPLOAD_OPTION_DUPLICATE", message: `upload option ${id} is given twice`, hint: "Keep one of the two lines" };
}

function unknownKey(text: string): Problem {
  return {
    code: "UPLOAD_OPTION_UNKNOWN",
    message: `"${text}" is no upload option`,
    hint: `Write key=value or key[architecture]=value, where key is one of ${Object.keys(READERS).join(", ")}`,
  };
}

function invalidOption(text: string, why: string, hint: string | undefined): Problem {
  return { code: "UPLOAD_OPTION_INVALID", message: `upload option "${text}": ${why}`, hint };
}
