import { access, constants, mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { freeSpaceBytes, runCommand } from "../../runtime/index.ts";
import { hasSubordinateIds } from "./check-namespaces.ts";
import { type CheckContext, type Finding, ok, problem, warning } from "./finding.ts";

/** One base layer, one dependency layer and a small archive. */
const SPACE_BYTES_MIN = 6 * 1024 ** 3;
/** sockaddr_un, less "/run/control.sock". */
const HOME_LENGTH_MAX = 107 - "/run/control.sock".length;

/** The home: ours, with room, on a file system that takes overlays. */
export async function checkHome({ config }: CheckContext): Promise<Finding[]> {
  const { home } = config;
  const isWritable = await access(home, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
  if (!isWritable) {
    const isThere = await stat(home).then(
      () => true,
      () => false,
    );
    const fix = isThere
      ? "Run this as the user it belongs to, or give another --home"
      : `Make it and give it to the user that mini-buildd runs as: install -d -o USER -g USER ${home}`;
    return [problem("home", `${home} ${isThere ? "is not writable for us" : "is not there"}`, fix)];
  }
  return [pathFinding(home), await spaceFinding(home, config.limits.diskReserveBytes), await overlayFinding(home)];
}

function pathFinding(home: string): Finding {
  if (Buffer.byteLength(home) <= HOME_LENGTH_MAX) return ok("home", home);
  return problem("home", `${home} is too long for a socket in it`, `Use a home whose path has at most ${HOME_LENGTH_MAX} bytes`);
}

async function spaceFinding(home: string, reserveBytes: number): Promise<Finding> {
  const freeBytes = await freeSpaceBytes(home);
  const free = `${gibibytes(freeBytes)} GiB free`;
  const fix = "Make room, or move the home to a larger file system";
  if (freeBytes < reserveBytes) return problem("disk", `${free}: below the reserve, so uploads are refused and builds wait`, fix);
  if (freeBytes < SPACE_BYTES_MIN)
    return warning("disk", `${free}; a first build needs about ${gibibytes(SPACE_BYTES_MIN)} GiB`, fix);
  return ok("disk", free);
}

function gibibytes(bytes: number): string {
  return (bytes / 1024 ** 3).toFixed(1);
}

/** Mount one there, as testbeds do: nothing else tells. */
async function overlayFinding(home: string): Promise<Finding> {
  // Without a range unshare leaves a process behind that waits for ever.
  if (!(await hasSubordinateIds()))
    return warning("overlay", "not looked at: that needs subordinate ids", "First see to /etc/subuid and /etc/subgid");

  const directory = await mkdtemp(join(home, ".doctor-"));
  for (const name of ["lower", "upper", "work", "merged"]) await mkdir(join(directory, name));
  const unshare = ["unshare", "--map-root-user", "--map-auto", "--mount"] as const;
  const options = "userxattr,lowerdir=lower,upperdir=upper,workdir=work";
  const mounted = await runCommand({
    argv: [...unshare, "mount", "-t", "overlay", "overlay", "-o", options, "merged"],
    cwd: directory,
    timeoutMs: 30_000,
  });
  // The kernel left a directory in work that belongs to a subordinate id.
  await runCommand({ argv: [...unshare, "rm", "-rf", directory], timeoutMs: 30_000 });
  await rm(directory, { recursive: true, force: true });

  if (mounted.exitCode === 0) return ok("overlay", "can be mounted in the home");
  const said = mounted.stderr.toString("utf8").trim().split("\n")[0] ?? "";
  if (said.startsWith("unshare:"))
    return warning("overlay", "not looked at: that needs a user namespace", "First see to user namespaces");
  return problem(
    "overlay",
    `cannot be mounted in ${home}: ${said}`,
    "Use a home on ext4, xfs, btrfs or tmpfs: overlays do not go on network file systems, nor on another overlay (a container's root)",
  );
}
