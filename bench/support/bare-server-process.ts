import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** Start it; ends with stop(), or with us. */
export async function startBareServer(): Promise<{ readonly url: string; stop(): void }> {
  const program = join(import.meta.dirname, "bare-server.ts");
  const argv = ["--pdeathsig", "KILL", process.execPath, program];
  const child = spawn("setpriv", argv, { stdio: ["ignore", "pipe", "inherit"] });
  const [port] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  return { url: `http://127.0.0.1:${port}/`, stop: () => void child.kill("SIGKILL") };
}
