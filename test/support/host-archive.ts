import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OrderAptSource } from "../../src/buildorder/index.ts";
import { parseCatalog, readHostArchive, resolveCatalog } from "../../src/catalog/index.ts";
import { runChecked } from "../../src/runtime/index.ts";
import { type AptRoot, makeAptRoot } from "./apt.ts";

/** The release that this machine runs, as builds for it see it. */
export interface HostRelease {
  readonly codename: string;
  readonly architecture: string;
  readonly sources: readonly OrderAptSource[];
}

/** From the host's own APT configuration, as a catalog that says `from = "host"` has it. */
export async function readHostRelease(): Promise<HostRelease> {
  const { codename } = await readHostArchive();
  const printed = await runChecked({ argv: ["dpkg", "--print-architecture"] });
  const architecture = printed.stdout.toString("utf8").trim();
  const document = parseCatalog(
    `[archive-sources.host]\nfrom = "host"\n[codenames.${codename}]\nbase = "host"\narchitectures = ["${architecture}"]\n`,
  );
  const catalog = await resolveCatalog(document, { etcPath: tmpdir() });
  return { codename, architecture, sources: catalog.buildSources(codename).base };
}

/** Another release of the same archive. */
export function releaseLike(host: HostRelease, codename: string): HostRelease {
  const sources = host.sources.map((source) => ({ ...source, deb822: renamed(source.deb822, host.codename, codename) }));
  return { ...host, codename, sources };
}

/** Suites only: the mirror's address stays. */
function renamed(deb822: string, from: string, to: string): string {
  return deb822.replace(/^Suites:.*$/m, (line) => line.replaceAll(from, to));
}

/** A private apt root on the release's sources, to fetch source packages with. Dispose it in the end. */
export async function makeHostAptRoot(release: HostRelease): Promise<AptRoot> {
  const sources = release.sources.map(({ deb822 }) => deb822.replace(/^Types:.*$/m, "Types: deb-src"));
  const root = await makeAptRoot({ sources: sources.join("\n"), architecture: release.architecture });
  await root.must("apt-get", "update");
  return root;
}

/** Download a source package; returns the directory that holds its files, and the name of its .dsc. */
export async function downloadSource(root: AptRoot, name: string): Promise<{ directory: string; dscName: string }> {
  const directory = join(root.path, "work");
  await root.must("apt-get", "source", "--download-only", "--only-source", name);
  const dscName = (await readdir(directory)).find((file) => file.startsWith(`${name}_`) && file.endsWith(".dsc"));
  if (dscName === undefined) throw new Error(`apt-get source left no .dsc of ${name}`);
  return { directory, dscName };
}

/** How the host's APT reaches its mirrors, as lines of apt.conf: proxies, retries, checks of dates. */
export async function hostAcquireOptions(): Promise<string[]> {
  const { stdout } = await runChecked({ argv: ["apt-config", "dump", "--no-empty", "--format", '%F "%v";%n'] });
  return stdout
    .toString("utf8")
    .split("\n")
    .filter((line) => /^Acquire::(Check-|Retries|https?::)/.test(line));
}
