import { open } from "node:fs/promises";
import { defaultLimits } from "../runtime/index.ts";
import { invalid } from "./invalid.ts";

/** All of a .changes or .dsc; nothing is read of one that no parser here takes. Throws CONTROL_DATA_TOO_LARGE. */
export async function readControlFile(path: string, subject: string): Promise<Buffer> {
  const handle = await open(path, "r");
  try {
    const { size } = await handle.stat();
    checkControlFileSize(size, subject);
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

/** The same by a size that is known, or claimed. */
export function checkControlFileSize(sizeBytes: number, subject: string): void {
  if (sizeBytes <= defaultLimits.controlFileSizeBytesMax) return;

  throw invalid({
    code: "CONTROL_DATA_TOO_LARGE",
    message: `${subject} has ${sizeBytes} bytes, and at most ${defaultLimits.controlFileSizeBytesMax} are read`,
  });
}
