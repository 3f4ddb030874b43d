import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError, runChecked } from "../runtime/index.ts";
import { type AptEntry, readAptEntries } from "./apt-entries.ts";
import { type AptPaths, readAptPaths } from "./apt-paths.ts";
import { armorPublicKeys, readPublicKeys } from "./armor.ts";

/** One suite of the archive that this machine itself is installed from. */
export interface HostSuite {
  readonly uri: string;
  /** As in the sources: `bookworm-security`. */
  readonly suite: string;
  readonly components: readonly string[];
  /** Of the Release file: `12.15`; testing has none. */
  readonly releaseVersion: string | undefined;
  /** Armored keys that sign it. */
  readonly keys: string;
}

export interface HostArchive {
  readonly codename: string;
  /** Of its Release file: `Debian`. */
  readonly origin: string;
  /** Release first, then updates and security. */
  readonly suites: readonly HostSuite[];
}

export interface HostArchiveOptions {
  /** An APT configuration file in place of the system's, for tests. */
  readonly aptConfigPath?: string | undefined;
  readonly osReleasePath?: string | undefined;
  /** A directory of ours for APT's cache of its lists. Where the system keeps none, building it takes a second each time. */
  readonly cachePath?: string | undefined;
}

interface IndexTarget {
  readonly uri: string;
  readonly suite: string;
  readonly component: string;
  readonly origin: string;
  readonly codename: string;
  readonly listPath: string;
  readonly metaKey: string;
}

/**
 * The archive this machine is installed from, as its APT is configured: release, updates and security with their
 * keys. Sources of others (by the Origin of their Release file), backports and proposed updates are left out.
 * Throws HOST_ARCHIVE_UNKNOWN (unavailable) when APT has no lists of it.
 */
export async function readHostArchive(options: HostArchiveOptions = {}): Promise<HostArchive> {
  const system = await readOsRelease(options.osReleasePath ?? "/etc/os-release");
  const env = options.aptConfigPath === undefined ? {} : { APT_CONFIG: options.aptConfigPath };
  const [targets, paths] = await Promise.all([listIndexTargets(env, options.cachePath), readAptPaths(env)]);

  const ofDistributor = targets.filter((target) => system.names.includes(target.origin.toLowerCase()));
  const codename = [system.codename, "sid"].find((name) => ofDistributor.some((target) => target.codename === name));
  if (codename === undefined) throw hostArchiveUnknown(system.codename);

  const wanted = ofDistributor.filter((target) => isPartOfRelease(target, codename));
  const entries = await readAptEntries(paths);
  const suites = await Promise.all(groupBySuite(wanted).map((group) => hostSuite(group, codename, entries, paths)));
  return {
    codename,
    origin: wanted[0]?.origin ?? "",
    suites: suites.toSorted((left, right) => rank(left, codename) - rank(right, codename)),
  };
}

async function readOsRelease(path: string): Promise<{ codename: string; names: string[] }> {
  const text = await readFile(path, "utf8");
  const value = (key: string): string => new RegExp(`^${key}="?([^"\n]*)"?$`, "m").exec(text)?.[1] ?? "";
  return {
    codename: value("VERSION_CODENAME"),
    names: [value("ID"), value("NAME").split(" ")[0] ?? ""].map((name) => name.toLowerCase()),
  };
}

const TARGET_FORMAT = ["REPO_URI", "RELEASE", "COMPONENT", "ORIGIN", "CODENAME", "FILENAME", "METAKEY"]
  .map((name) => `$(${name})`)
  .join("\t");

/** What APT has lists of. Needs no privileges. */
async function listIndexTargets(env: Record<string, string>, cachePath: string | undefined): Promise<IndexTarget[]> {
  const cacheOptions = cachePath === undefined ? [] : cacheIn(cachePath);
  const query = ["indextargets", "--format", TARGET_FORMAT, "Created-By: Packages"];
  const { stdout } = await runChecked({ argv: ["apt-get", ...cacheOptions, ...query], env, timeoutMs: 60_000 });
  const lines = stdout.toString("utf8").split("\n");
  return lines
    .filter((line) => line !== "")
    .map((line) => {
      const [uri = "", suite = "", component = "", origin = "", codename = "", listPath = "", metaKey = ""] = line.split("\t");
      return { uri: uri.replace(/\/$/, ""), suite, component, origin, codename, listPath, metaKey };
    });
}

/** APT itself sees whether it is still right. */
function cacheIn(cachePath: string): string[] {
  return ["-o", `Dir::Cache::pkgcache=${join(cachePath, "pkgcache.bin")}`, "-o", "Dir::Cache::srcpkgcache="];
}

function isPartOfRelease(target: IndexTarget, codename: string): boolean {
  // Ubuntu's bookworm-updates has the plain codename, so the suite is looked at as well.
  if (/-(backports|backports-sloppy|proposed|proposed-updates)$/.test(target.suite)) return false;
  return [codename, `${codename}-updates`, `${codename}-security`].includes(target.codename) && !target.uri.startsWith("cdrom:");
}

function groupBySuite(targets: readonly IndexTarget[]): IndexTarget[][] {
  const groups = Map.groupBy(targets, (target) => `${target.uri} ${target.suite}`);
  return [...groups.values()];
}

async function hostSuite(targets: IndexTarget[], codename: string, entries: AptEntry[], paths: AptPaths): Promise<HostSuite> {
  const [first] = targets as [IndexTarget];
  // "stable" would become another release one day; the codename stays.
  const suite = first.suite.startsWith(codename) ? first.suite : first.codename;
  const entry = entries.find((entry) => entry.uri === first.uri && entry.suite === first.suite);
  return {
    uri: await plainUri(first.uri),
    suite,
    components: [...new Set(targets.map((target) => target.component))],
    releaseVersion: await readReleaseVersion(first),
    keys: await readKeys(entry?.signedBy, paths),
  };
}

/** `mirror+file:` names a list on this machine, which a testbed cannot see: its first mirror will do. */
async function plainUri(uri: string): Promise<string> {
  const [, listPath] = /^mirror\+file:(?:\/\/)?(\/.*)$/.exec(uri) ?? [];
  if (listPath === undefined) return uri;

  const mirrors = (await readFile(listPath, "utf8")).split("\n").map((line) => line.trim().split(/\s+/)[0] ?? "");
  const first = mirrors.find((mirror) => mirror !== "" && !mirror.startsWith("#"));
  return first?.replace(/\/$/, "") ?? uri;
}

/** From the Release file beside the list that APT keeps. */
async function readReleaseVersion({ listPath, metaKey }: IndexTarget): Promise<string | undefined> {
  const end = listPath.lastIndexOf(`_${metaKey.replaceAll("/", "_")}`);
  if (end < 0) return undefined;

  for (const name of ["InRelease", "Release"]) {
    const text = await readFile(`${listPath.slice(0, end)}_${name}`, "utf8").catch(() => "");
    const [, version] = /^Version: *(\S+)$/m.exec(text) ?? [];
    if (version !== undefined) return version;
  }
  return undefined;
}

/** The keys a source names, or else all that APT trusts, as APT itself does. */
async function readKeys(signedBy: string | undefined, paths: AptPaths): Promise<string> {
  if (signedBy?.includes("-----BEGIN PGP")) return armorPublicKeys(readPublicKeys(Buffer.from(signedBy)));

  const named = signedBy?.split(/[\s,]+/).filter((part) => part.startsWith("/")) ?? [];
  const keyPaths = named.length > 0 ? named : await paths.listTrustedKeyrings();
  const keys = await Promise.all(keyPaths.map(async (path) => readPublicKeys(await readFile(path))));
  return armorPublicKeys(Buffer.concat(keys));
}

function rank(suite: HostSuite, codename: string): number {
  return suite.suite === codename ? 0 : suite.suite.endsWith("-updates") ? 1 : 2;
}

function hostArchiveUnknown(codename: string): AppError {
  return new AppError({
    kind: "unavailable",
    code: "HOST_ARCHIVE_UNKNOWN",
    message: `this machine's APT has no lists of its own release${codename === "" ? "" : ` (${codename})`}`,
    hint: 'Run "apt-get update" as root, or declare the archive source with uris, suites and signed-by instead of from = "host"',
  });
}
