import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { readHostArchive } from "../../catalog/index.ts";
import { asAppError } from "../../runtime/index.ts";
import { type CheckContext, type Finding, ok, warning } from "./finding.ts";

const LISTS_PATH = "/var/lib/apt/lists";
const CLOCK_TOLERANCE_MS = 5 * 60 * 1000;

/** What this machine's APT knows: its archive, and that the clock is not behind what it has downloaded. */
export async function checkArchive({ now }: CheckContext): Promise<Finding[]> {
  return [await hostArchiveFinding(), clockFinding(now, await newestListTime())];
}

async function hostArchiveFinding(): Promise<Finding> {
  try {
    const { codename, suites } = await readHostArchive();
    const keyless = suites.find(({ keys }) => keys === "");
    if (keyless === undefined) return ok("apt", `${codename}: ${suites.map(({ suite }) => suite).join(", ")}`);
    return warning("apt", `there are no keys for ${keyless.uri}`, "Install debian-archive-keyring, and name it with Signed-By");
  } catch (error) {
    const { message, hint } = asAppError(error);
    return warning("apt", message, hint ?? "Run apt-get update as root");
  }
}

/** APT gives its lists the time that the server gave them: they cannot come from the future. */
async function newestListTime(): Promise<Date | undefined> {
  const names = (await readdir(LISTS_PATH).catch(() => [])).filter((name) => name.endsWith("Release"));
  const times = await Promise.all(names.map(async (name) => (await stat(join(LISTS_PATH, name))).mtime));
  return times.toSorted((left, right) => right.getTime() - left.getTime())[0];
}

export function clockFinding(now: Date, newest: Date | undefined): Finding {
  const shown = now.toISOString();
  if (newest === undefined || newest.getTime() <= now.getTime() + CLOCK_TOLERANCE_MS) return ok("clock", shown);
  return {
    subject: "clock",
    status: "problem",
    message: `it is behind: ${shown}, and APT has lists of ${newest.toISOString()}; apt would refuse what we publish later`,
    fix: "Set the clock, and let systemd-timesyncd or chrony keep it",
  };
}
