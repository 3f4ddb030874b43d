/**
 * Preloaded (`node --import`) into a program that is to die: KILL_AT="<main|renderer>:<n>" sends it SIGKILL right before
 * its n-th file operation that changes something, in the program itself or in the process that renders for it, counted
 * from when it calls armKillAt (main) or from the start (renderer).
 */
import syncFs from "node:fs";
import fs, { type FileHandle } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

type AnyFunction = (...args: unknown[]) => unknown;

const isRenderer = /render-process\.[jt]s$/.test(process.argv[1] ?? "");
const [part, number] = (process.env.KILL_AT ?? "none:0").split(":");
const isConcerned = part === (isRenderer ? "renderer" : "main");
const killAt = Number(number);
const state = { isArmed: isRenderer, operations: 0 };

if (!isRenderer) Object.assign(globalThis, { armKillAt: () => (state.isArmed = true) });
if (isConcerned) {
  const handle = await fs.open("/dev/null");
  wrap(Object.getPrototypeOf(handle) as FileHandle, ["sync", "writeFile", "appendFile", "write", "writev"]);
  await handle.close();
  wrap(fs, ["chmod", "copyFile", "link", "mkdir", "open", "rename", "rm", "symlink", "utimes", "writeFile"]);
  wrap(syncFs, ["linkSync", "mkdirSync", "renameSync", "rmSync", "symlinkSync", "utimesSync", "writeFileSync"]);
  syncBuiltinESMExports();
}

function wrap(target: object, names: readonly string[]): void {
  const functions = target as Record<string, AnyFunction>;
  for (const name of names) {
    const original = functions[name];
    if (original === undefined) throw new Error(`there is no ${name} to wrap`);
    functions[name] = function (this: unknown, ...args: unknown[]): unknown {
      const isCounted = state.isArmed && !(name === "open" && (args[1] ?? "r") === "r");
      if (isCounted) state.operations += 1;
      if (isCounted && state.operations === killAt) {
        // The renderer dies with the program.
        process.kill(isRenderer ? process.ppid : process.pid, "SIGKILL");
        // The signal comes at once, but not within this call.
        if (name.endsWith("Sync")) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
        return new Promise(() => {});
      }
      return original.apply(this, args);
    };
  }
}
