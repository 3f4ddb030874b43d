import { spawn } from "node:child_process";
import { minimalEnvironment, runCommand } from "../runtime/index.ts";

/**
 * Hold an exclusive lock between processes while `work` runs. The lock belongs to a child that ends when our end of
 * its standard input closes, so a SIGKILL releases it.
 */
export async function withFileLock<T>(lockPath: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  signal?.throwIfAborted();
  // Touched, so that its age says when somebody held it last.
  const script = 'touch -- "$1"; echo locked; exec cat > /dev/null';
  const child = spawn("flock", ["--exclusive", lockPath, "sh", "-c", script, "sh", lockPath], {
    env: minimalEnvironment(),
    stdio: ["pipe", "pipe", "ignore"],
    detached: true,
  });
  child.stdin.on("error", () => {});
  const giveUp = (): void => {
    child.kill("SIGKILL");
    child.stdin.end();
  };
  signal?.addEventListener("abort", giveUp, { once: true });

  try {
    await new Promise<void>((resolve, reject) => {
      child.stdout.once("data", () => resolve());
      child.once("error", reject);
      child.once("close", () => reject(signal?.reason ?? new Error(`flock ${lockPath} ended`)));
    });
    return await work();
  } finally {
    signal?.removeEventListener("abort", giveUp);
    child.stdin.end();
  }
}

export async function isFileLocked(lockPath: string): Promise<boolean> {
  const ended = await runCommand({ argv: ["flock", "--exclusive", "--nonblock", lockPath, "true"] });
  return ended.exitCode !== 0;
}
