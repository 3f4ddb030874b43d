import { collectSooner } from "../runtime/index.ts";

/** Load modules without the heap growing over it, which V8 would not give back for hours: some 30 MB of a daemon that mostly waits. */
export async function loadFrugally<T>(load: () => Promise<T>): Promise<T> {
  const collectAsUsual = collectSooner();
  try {
    return await load();
  } finally {
    collectAsUsual();
  }
}
