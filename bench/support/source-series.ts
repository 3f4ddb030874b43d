import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { runChecked } from "../../src/runtime/index.ts";
import { downloadSource, type HostRelease, makeHostAptRoot } from "../../test/support/host-archive.ts";
import { makeSourcePackage } from "../../test/support/source-tree.ts";

/** One version of a source package, ready for dput and for sbuild. */
export interface SourceVersion {
  readonly source: string;
  readonly version: string;
  readonly changesPath: string;
  readonly dscPath: string;
}

/** Higher with each call, as the version rule of the distribution wants it. */
export interface SourceSeries {
  /** Given lines become entries of the version's changelog: upload options. */
  next(changelogLines?: readonly string[]): Promise<SourceVersion>;
}

export interface SeriesOptions {
  /** Scratch; made if absent. */
  readonly directory: string;
  readonly distribution: string;
  /** `+bench`: a number is put behind it. */
  readonly versionSuffix: string;
}

/** The smallest package there is: arch:all, without debhelper. */
export function trivialSeries(options: SeriesOptions): SourceSeries {
  return generatedSeries("mbd-bench-trivial", options, {});
}

/** The same as nearly every package in Debian is made. */
export function debhelperSeries(options: SeriesOptions): SourceSeries {
  const name = "mbd-bench-debhelper";
  const files = {
    "debian/rules": "#!/usr/bin/make -f\n%:\n\tdh $@\n",
    "debian/install": `program usr/share/${name}\n`,
  };
  return generatedSeries(name, options, { buildDepends: "debhelper-compat (= 13)", files });
}

/** The same with some 250 packages to be installed for it. */
export function wideSeries(options: SeriesOptions): SourceSeries {
  const name = "mbd-bench-wide";
  const files = {
    "debian/rules": "#!/usr/bin/make -f\n%:\n\tdh $@\n",
    "debian/install": `program usr/share/${name}\n`,
  };
  return generatedSeries(name, options, { buildDepends: "debhelper-compat (= 13), libgtk-3-dev", files });
}

function generatedSeries(
  name: string,
  { directory, distribution, versionSuffix }: SeriesOptions,
  more: { readonly buildDepends?: string; readonly files?: Record<string, string> },
): SourceSeries {
  let count = 0;
  return {
    next: async (changelogLines = []) => {
      const version = `1.0${versionSuffix}${++count}`;
      await mkdir(directory, { recursive: true });
      const changesPath = await makeSourcePackage(directory, { name, version, distribution, changelogLines, ...more });
      return { source: name, version, changesPath, dscPath: changesPath.replace(/_source\.changes$/, ".dsc") };
    },
  };
}

/** Debian's own source package of the host's release, with a changelog entry more for each version. */
export async function debianSeries(source: string, release: HostRelease, options: SeriesOptions): Promise<SourceSeries> {
  const { directory, distribution, versionSuffix } = options;
  await mkdir(directory, { recursive: true });
  const tree = join(directory, `${source}-tree`);
  await unpackDebianSource(source, release, tree);
  const changelogPath = join(tree, "debian/changelog");
  const original = await readFile(changelogPath, "utf8");
  const [, debianVersion = ""] = /^\S+ \(([^)]+)\)/.exec(original) ?? [];

  let count = 0;
  return {
    next: async (changelogLines = []) => {
      const version = `${debianVersion}${versionSuffix}${++count}`;
      await writeFile(changelogPath, `${changelogEntry({ source, version, distribution, changelogLines })}\n${original}`);
      const argv = ["dpkg-buildpackage", "--build=source", "-sa", "--no-sign", "--no-check-builddeps", "--no-pre-clean"] as const;
      await runChecked({ argv, cwd: tree, env: { HOME: directory }, timeoutMs: 120_000 });
      const base = join(directory, `${source}_${version.replace(/^[0-9]+:/, "")}`);
      return { source, version, changesPath: `${base}_source.changes`, dscPath: `${base}.dsc` };
    },
  };
}

async function unpackDebianSource(source: string, release: HostRelease, tree: string): Promise<void> {
  const root = await makeHostAptRoot(release);
  try {
    const downloaded = await downloadSource(root, source);
    const dscPath = join(downloaded.directory, downloaded.dscName);
    await runChecked({ argv: ["dpkg-source", "--no-check", "--extract", dscPath, tree], timeoutMs: 120_000 });
    const orig = ["sh", "-ec", 'cp -p -- *.orig*.tar.* "$1"', "sh", dirname(tree)] as const;
    await runChecked({ argv: orig, cwd: downloaded.directory });
  } finally {
    await root.dispose();
  }
}

interface Entry {
  readonly source: string;
  readonly version: string;
  readonly distribution: string;
  readonly changelogLines: readonly string[];
}

function changelogEntry({ source, version, distribution, changelogLines }: Entry): string {
  return [
    `${source} (${version}) ${distribution}; urgency=medium`,
    "",
    "  * New version for a measurement.",
    ...changelogLines.map((line) => `  * ${line}`),
    "",
    " -- Mini Buildd Bench <bench@example.org>  Sun, 22 Nov 2026 12:00:00 +0000",
    "",
  ].join("\n");
}
