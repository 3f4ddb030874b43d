import { randomInt } from "node:crypto";

/** source/version/timecode, as the original: `hello/2.10-3~test12+1/20261122:130513:909198`. The last three digits only make it unique. */
export function newUploadId(source: string, version: string, at: Date): string {
  const unique = String(randomInt(1_000)).padStart(3, "0");
  return `${source}/${version}/${timecodeAt(at)}${unique}`;
}

/** The first six of the nine last digits are of the time; so timecodes can be compared with it. */
export function timecodeAt(at: Date): string {
  const [date = "", time = ""] = at.toISOString().split("T");
  const [clock = "", milliseconds = ""] = time.replace("Z", "").split(".");
  return `${date.replaceAll("-", "")}:${clock.replaceAll(":", "")}:${milliseconds}`;
}

export function timecodeOf(uploadId: string): string {
  return uploadId.slice(uploadId.lastIndexOf("/") + 1);
}
