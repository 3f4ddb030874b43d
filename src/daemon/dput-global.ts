import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** A snippet of dput.cf that the administrator wants everybody to have; ends in a blank line. Nothing where there is none. */
export async function readDputGlobal(etcPath: string): Promise<string> {
  try {
    const text = (await readFile(join(etcPath, "dput.cf"), "utf8")).trimEnd();
    return text === "" ? "" : `${text}\n\n`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}
