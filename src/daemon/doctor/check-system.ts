import { readFile } from "node:fs/promises";
import { release, userInfo } from "node:os";
import { runCommand } from "../../runtime/index.ts";
import { type Finding, ok, problem, warning } from "./finding.ts";

const NODE_MAJOR_MIN = 24;

/** Node, kernel, process 1, and who we are. */
export async function checkSystem(): Promise<Finding[]> {
  return [nodeFinding(process.versions.node), kernelFinding(release()), await firstProcessFinding(), userFinding(userInfo())];
}

export function nodeFinding(version: string): Finding {
  if (Number(version.split(".")[0]) >= NODE_MAJOR_MIN) return ok("node", version);
  return problem(
    "node",
    `${version} is too old`,
    `Use Node ${NODE_MAJOR_MIN} or newer: tools/setup installs one beside the program`,
  );
}

/** Unprivileged overlays came with Linux 5.11. */
export function kernelFinding(version: string): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > 5 || (major === 5 && minor >= 11)) return ok("kernel", version);
  return problem(
    "kernel",
    `${version} does not allow overlays in user namespaces`,
    "Use Linux 5.11 or newer (Debian 12 has 6.1)",
  );
}

function userFinding({ uid, username }: { uid: number; username: string }): Finding {
  if (uid !== 0) return ok("user", username);
  return problem("user", "this is root", "Run mini-buildd as an ordinary user: quickstart makes the user mini-buildd for it");
}

/** Sessions of testbeds end when all their processes are reaped; of those that lose their parent, process 1 is to do it. */
async function firstProcessFinding(): Promise<Finding> {
  const orphaned = await runCommand({ argv: ["sh", "-c", "(sleep 0.2 & echo $!); sleep 0.5"], timeoutMs: 30_000 });
  const orphan = Number(orphaned.stdout.toString("utf8"));
  // On a busy machine even a good first process may need a moment.
  if (!(await isZombie(orphan)) || (await isGoneSoon(orphan))) return ok("process 1", "reaps what is left to it");
  return warning(
    "process 1",
    "does not reap what is left to it, so processes pile up and builds that are killed may never end",
    "Start this container with a real first process (docker and podman: --init)",
  );
}

async function isGoneSoon(processId: number): Promise<boolean> {
  await runCommand({ argv: ["sleep", "2"], timeoutMs: 30_000 });
  return !(await isZombie(processId));
}

async function isZombie(processId: number): Promise<boolean> {
  const stat = await readFile(`/proc/${processId}/stat`, "utf8").catch(() => "");
  return /\) Z /.test(stat);
}
