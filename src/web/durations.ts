/** `12 s`, `3 min 5 s`, `2 h 10 min`; the same words as static/live.js. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** Tenths where they matter. */
export function exactDurationText(ms: number): string {
  return ms < 60_000 ? `${(Math.max(0, ms) / 1000).toFixed(1)} s` : durationText(ms);
}

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const UNITS = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
] as const;

/** `3 minutes ago`; the same words as static/live.js. */
export function agoText(at: Date, now: Date): string {
  const ms = at.getTime() - now.getTime();
  const unit = UNITS.find(([, size]) => Math.abs(ms) >= size);
  if (unit !== undefined) return relative.format(Math.round(ms / unit[1]), unit[0]);
  return ms > -10_000 ? "just now" : `${Math.round(-ms / 1000)} seconds ago`;
}

/** `2026-11-22 13:05:14 UTC` */
export function utcText(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
}

export function sizeText(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let size = bytes;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${unit === 0 ? size : size.toFixed(1)} ${units[unit]}`;
}
