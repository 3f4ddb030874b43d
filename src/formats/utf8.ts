import { invalid } from "./invalid.ts";

/** Bytes as text. Debian Policy 5.1 wants UTF-8; anything else could not be published unchanged. Throws CONTROL_DATA_INVALID. */
export function decodeUtf8(input: string | Uint8Array, subject?: string): string {
  if (typeof input === "string") return input;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(input);
  } catch (error) {
    const what = `${subject === undefined ? "the text" : subject} is not UTF-8`;
    throw invalid({
      code: "CONTROL_DATA_INVALID",
      message: what,
      hint: "Convert it, for instance with iconv",
      facts: { error: String(error) },
    });
  }
}
