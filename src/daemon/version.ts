import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Of package.json, which stands beside src/ and dist/. */
export function programVersion(): string {
  const path = join(import.meta.dirname, "..", "..", "package.json");
  const { version } = JSON.parse(readFileSync(path, "utf8")) as { version: string };
  return version;
}
