import { runCommand } from "../../runtime/index.ts";
import { type Finding, ok, problem } from "./finding.ts";

interface NeededProgram {
  readonly name: string;
  readonly debianPackage: string;
  readonly versionArgument: string;
  /** Oldest version that is known to work; the first number.number of its version output is compared. */
  readonly versionMin?: readonly [number, number];
}

const PROGRAMS: readonly NeededProgram[] = [
  { name: "sbuild", debianPackage: "sbuild", versionArgument: "--version", versionMin: [0, 85] },
  { name: "mmdebstrap", debianPackage: "mmdebstrap", versionArgument: "--version", versionMin: [1, 3] },
  { name: "dpkg-source", debianPackage: "dpkg-dev", versionArgument: "--version" },
  { name: "apt-get", debianPackage: "apt", versionArgument: "--version" },
  { name: "gpg", debianPackage: "gnupg", versionArgument: "--version", versionMin: [2, 2] },
  { name: "gpgv", debianPackage: "gpgv", versionArgument: "--version", versionMin: [2, 2] },
  { name: "autopkgtest", debianPackage: "autopkgtest", versionArgument: "--help" },
  { name: "dose-debcheck", debianPackage: "dose-distcheck", versionArgument: "--version" },
  { name: "xz", debianPackage: "xz-utils", versionArgument: "--version" },
  { name: "bzip2", debianPackage: "bzip2", versionArgument: "--help" },
  { name: "zstd", debianPackage: "zstd", versionArgument: "--version" },
  { name: "mount", debianPackage: "mount", versionArgument: "--version", versionMin: [2, 38] },
  { name: "hostname", debianPackage: "hostname", versionArgument: "--version" },
  { name: "unshare", debianPackage: "util-linux", versionArgument: "--version", versionMin: [2, 38] },
  { name: "nsenter", debianPackage: "util-linux", versionArgument: "--version", versionMin: [2, 38] },
  { name: "setpriv", debianPackage: "util-linux", versionArgument: "--version" },
];

/** The programs we start, and whether they are new enough. */
export async function checkPrograms(): Promise<Finding[]> {
  return Promise.all([...PROGRAMS.map(checkProgram), checkUidmap()]);
}

async function checkProgram(program: NeededProgram): Promise<Finding> {
  const ended = await runCommand({ argv: [program.name, program.versionArgument], timeoutMs: 30_000 });
  const install = `Install it: apt-get install ${program.debianPackage}`;
  if (ended.reason === "not-started") return problem(program.name, "is not installed", install);

  return versionFinding(program, ended.stdout.toString("utf8") + ended.stderr.toString("utf8"));
}

export function versionFinding({ name, versionMin, debianPackage }: NeededProgram, output: string): Finding {
  const [version, major, minor] = /(\d+)\.(\d+)(?:[\w.+~-]*\w)?/.exec(output) ?? [];
  if (version === undefined) return ok(name, "is installed");
  if (versionMin === undefined || isAtLeast([Number(major), Number(minor)], versionMin)) return ok(name, version);

  const wanted = versionMin.join(".");
  return problem(
    name,
    `${version} is older than ${wanted}`,
    `Upgrade the package ${debianPackage}: Debian 12 has a new enough one`,
  );
}

function isAtLeast([major, minor]: readonly [number, number], [majorMin, minorMin]: readonly [number, number]): boolean {
  return major > majorMin || (major === majorMin && minor >= minorMin);
}

/** newuidmap has no version to ask for; without arguments it prints its usage. */
async function checkUidmap(): Promise<Finding> {
  const ended = await runCommand({ argv: ["newuidmap"], timeoutMs: 30_000 });
  if (ended.reason === "not-started") return problem("newuidmap", "is not installed", "Install it: apt-get install uidmap");
  return ok("newuidmap", "is installed");
}
