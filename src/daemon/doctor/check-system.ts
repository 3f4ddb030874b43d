import { release, userInfo } from "node:os";
import { type Finding, ok, problem } from "./finding.ts";

const NODE_MAJOR_MIN = 24;

/** Node, kernel, and who we are. */
export async function checkSystem(): Promise<Finding[]> {
  return [nodeFinding(process.versions.node), kernelFinding(release()), userFinding(userInfo())];
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
