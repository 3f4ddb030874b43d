import { setFlagsFromString } from "node:v8";

/**
 * Load modules without V8's young generation growing over it to 32 MB, which it would not give back for hours: some
 * 20 MB of a daemon that mostly waits. Afterwards it grows again when the work is worth it.
 */
export async function loadFrugally<T>(load: () => Promise<T>): Promise<T> {
  setFlagsFromString("--semi-space-growth-factor=1");
  try {
    return await load();
  } finally {
    setFlagsFromString("--semi-space-growth-factor=2");
  }
}
