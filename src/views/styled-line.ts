import { logText } from "./log-text.ts";

/** A piece of a line in one style: what of a terminal's colours can be trusted is a name from a short list. */
export interface StyledText {
  readonly text: string;
  /** "red", "green bold", … or "". */
  readonly style: string;
}

const COLOURS = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"] as const;
/** Select graphic rendition, the sequence that colours. */
// oxlint-disable-next-line no-control-regex -- control characters are the subject
const RENDITION = /\x1b\[([0-9;]{0,40})m/;

interface Style {
  readonly colour: string | undefined;
  readonly isBold: boolean;
}

const PLAIN: Style = { colour: undefined, isBold: false };

/** One line of a log for people: its colours as names, everything else that a terminal would obey taken away. */
export function styledLine(bytes: Uint8Array): StyledText[] {
  // Split before cleaning, as that takes these sequences away too; "(" … ")" of the pattern makes every second part one.
  const parts = Buffer.from(bytes).toString("latin1").split(RENDITION);
  const pieces: StyledText[] = [];
  let style = PLAIN;
  for (const [index, part] of parts.entries()) {
    if (index % 2 === 1) style = changed(style, part);
    else if (part !== "") pieces.push({ text: logText(Buffer.from(part, "latin1")).replaceAll("\n", " "), style: nameOf(style) });
  }
  return pieces;
}

function changed(style: Style, codes: string): Style {
  let now = style;
  for (const code of codes.split(";").map(Number)) {
    if (code === 0) now = PLAIN;
    else if (code === 1) now = { ...now, isBold: true };
    else if (code === 22) now = { ...now, isBold: false };
    else if (code === 39) now = { ...now, colour: undefined };
    else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) now = { ...now, colour: COLOURS[code % 10] };
    // 38 and 48 are followed by numbers that are none of these.
    else if (code === 38 || code === 48) return now;
  }
  return now;
}

function nameOf({ colour, isBold }: Style): string {
  return [colour, isBold ? "bold" : undefined].filter((name) => name !== undefined).join(" ");
}
