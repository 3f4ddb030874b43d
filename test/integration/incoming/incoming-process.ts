import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Ports } from "./senders.ts";

/** incoming-program.ts, running. */
export interface IncomingProcess {
  readonly ports: Ports;
  /** SIGKILL; resolves when it is gone. May be called twice. */
  kill(): Promise<void>;
}

/** `wrapper` is put in front of the command line; it must end in exec. */
export async function startIncoming(home: string, wrapper: readonly string[] = []): Promise<IncomingProcess> {
  const argv = [...wrapper, process.execPath, join(import.meta.dirname, "incoming-program.ts"), home];
  const child = spawn(argv[0]!, argv.slice(1), { stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout });
  const line = await Promise.race([once(lines, "line"), once(lines, "close")]);
  if (line[0] === undefined) throw new Error("incoming-program.ts ended before it was ready");

  return { ports: JSON.parse(line[0] as string) as Ports, kill: () => kill(child) };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}
