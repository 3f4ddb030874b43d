import { spawn } from "node:child_process";
import { once } from "node:events";
import { stat } from "node:fs/promises";
import { runChecked } from "../../src/runtime/index.ts";
import { OriginalBuilder } from "./original-builder.ts";
import type { OriginalAddress } from "./original-uploads.ts";
import { tell } from "./report.ts";

const VARIABLE = "MINI_BUILDD_BENCH_ORIGINAL";
const given = process.env[VARIABLE];

/** Of the original that a bench was started beside. */
export const originalAddress = given === undefined ? undefined : (JSON.parse(given) as OriginalAddress);

/**
 * As root: start the original, and then the same bench with the same arguments as the user that owns it, who has a subuid
 * range as we need it. Gives the bench's exit code.
 */
export async function besideOriginal(program: string): Promise<number> {
  if (process.getuid?.() !== 0) {
    process.stderr.write("--original needs root: the original and its chroots are root's\n");
    return 2;
  }
  tell("the original is installed in a chroot and set up");
  const original = await OriginalBuilder.start();
  try {
    // Who comes first would write out what making it left.
    await runChecked({ argv: ["sync"] });
    const { uid, gid } = await stat(program);
    const asOwner = [`--reuid=${uid}`, `--regid=${gid}`, "--init-groups", "--reset-env", "--pdeathsig", "TERM"];
    const address = `${VARIABLE}=${JSON.stringify(original.address)}`;
    const argv = [...asOwner, "env", "LC_ALL=C.UTF-8", address, process.execPath, program, ...process.argv.slice(2)];
    const [code] = (await once(spawn("setpriv", argv, { stdio: "inherit" }), "exit")) as [number | null];
    return code ?? 1;
  } finally {
    await original.stop();
  }
}
