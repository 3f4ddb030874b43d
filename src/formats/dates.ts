import { invalid, quote } from "./invalid.ts";

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"] as const;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;
const DATE =
  /^(?:[A-Za-z]{3,9},\s*)?(\d{1,2})\s+([A-Za-z]{3,9})\s+(\d{4})\s+(\d{1,2}):(\d{2}):(\d{2})\s+([+-]\d{4}|UTC|GMT|Z)(?:\s+\([^()]*\))?$/;

/** `Sun, 22 Nov 2026 14:06:45 UTC`: the Date and Valid-Until of a Release file; always UTC, whole seconds. */
export function formatReleaseDate(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${DAYS[date.getUTCDay()]}, ${two(date.getUTCDate())} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
  return `${day} ${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())} UTC`;
}

/** The date of a Release file, .changes or changelog entry (RFC 2822). Throws DATE_INVALID. */
export function parseDate(text: string): Date {
  const date = tryParseDate(text);
  if (date !== undefined) return date;

  throw invalid({
    code: "DATE_INVALID",
    message: `${quote(text)} is not a date`,
    hint: "A date is for instance: Sun, 22 Nov 2026 14:06:45 +0100",
  });
}

/** Undefined for what is no date, for instance the 31st of February. The name of the day is not checked. */
export function tryParseDate(text: string): Date | undefined {
  const [, day, monthName, year, hour, minute, second, zone] = DATE.exec(text.trim()) ?? [];
  const month = MONTHS.findIndex((name) => name.toLowerCase() === monthName?.slice(0, 3).toLowerCase());
  if (zone === undefined || month < 0) return undefined;

  const [hours, minutes, seconds] = [Number(hour), Number(minute), Number(second)];
  // A leap second is taken for the one after it.
  if (hours > 23 || minutes > 59 || seconds > 60) return undefined;
  const midnight = new Date(Date.UTC(Number(year), month, Number(day)));
  if (midnight.getUTCDate() !== Number(day)) return undefined;
  return new Date(midnight.getTime() + ((hours * 60 + minutes - zoneMinutes(zone)) * 60 + seconds) * 1000);
}

/** Minutes that a zone is ahead of UTC. */
function zoneMinutes(zone: string): number {
  if (!/^[+-]/.test(zone)) return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3, 5));
  return zone.startsWith("-") ? -minutes : minutes;
}
