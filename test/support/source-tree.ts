import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { runChecked } from "../../src/runtime/index.ts";

export interface SourceTreeOptions {
  readonly name: string;
  readonly version: string;
  readonly distribution: string;
  /** "all", "any", … Default "all". */
  readonly architecture?: string;
  readonly buildDepends?: string;
  /** Makefile text of the recipe for binary-arch/binary-indep before the package is made; default: nothing. */
  readonly recipe?: readonly string[];
  /** Lines after the changelog's "New upload". */
  readonly changelogLines?: readonly string[];
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** Installed as /usr/bin/<name>; default prints name and version. */
  readonly script?: string;
}

/** A real native source package made by dpkg-buildpackage -S; returns the path of the .changes. */
export async function makeSourcePackage(directory: string, options: SourceTreeOptions): Promise<string> {
  const { name, version } = options;
  const tree = join(directory, `${name}-tree`);
  await rm(tree, { recursive: true, force: true });
  for (const [path, content] of Object.entries(treeFiles(options))) {
    const target = join(tree, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, content, { mode: path === "debian/rules" ? 0o755 : 0o644 });
  }
  await runChecked({
    argv: ["dpkg-buildpackage", "--build=source", "--no-sign", "--no-check-builddeps", "--no-pre-clean"],
    cwd: tree,
    env: { HOME: directory },
    timeoutMs: 300_000,
  });
  await rm(tree, { recursive: true, force: true });
  return join(directory, `${name}_${version.replace(/^[0-9]+:/, "")}_source.changes`);
}

function treeFiles(options: SourceTreeOptions): Record<string, string | Uint8Array> {
  const { name, version, distribution, architecture = "all" } = options;
  return {
    "debian/changelog": [
      `${name} (${version}) ${distribution}; urgency=medium`,
      "",
      "  * New upload.",
      ...(options.changelogLines ?? []).map((line) => `  * ${line}`),
      "",
      " -- Mini Buildd Tests <tests@example.org>  Sun, 22 Nov 2026 12:00:00 +0000",
      "",
    ].join("\n"),
    "debian/control": [
      `Source: ${name}`,
      "Section: misc",
      "Priority: optional",
      "Maintainer: Mini Buildd Tests <tests@example.org>",
      ...(options.buildDepends === undefined ? [] : [`Build-Depends: ${options.buildDepends}`]),
      "Standards-Version: 4.6.2",
      "Rules-Requires-Root: no",
      "",
      `Package: ${name}`,
      `Architecture: ${architecture}`,
      "Description: package of the test suite",
      " It says its name and version.",
      "",
    ].join("\n"),
    "debian/rules": rules(options),
    "debian/copyright": "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n",
    "debian/source/format": "3.0 (native)\n",
    "debian/source/options": 'compression = "gzip"\n',
    program: options.script ?? `#!/bin/sh\necho "${name} ${version}"\n`,
    ...options.files,
  };
}

/** Without debhelper: a build of a second or two. */
function rules({ name, recipe = [], architecture = "all" }: SourceTreeOptions): string {
  const [own, other] = architecture === "all" ? ["binary-indep", "binary-arch"] : ["binary-arch", "binary-indep"];
  return [
    "#!/usr/bin/make -f",
    "clean:",
    "\trm -rf debian/tmp debian/files",
    "build build-arch build-indep:",
    `${other}:`,
    `binary: ${own}`,
    `${own}:`,
    ...recipe.map((line) => `\t${line}`),
    `\tinstall -D -m 755 program debian/tmp/usr/bin/${name}`,
    `\tinstall -D -m 644 debian/copyright debian/tmp/usr/share/doc/${name}/copyright`,
    "\tmkdir -p debian/tmp/DEBIAN",
    "\tdpkg-gencontrol -Pdebian/tmp",
    "\tdpkg-deb --root-owner-group -Znone --build debian/tmp ..",
    ".PHONY: clean build build-arch build-indep binary binary-arch binary-indep",
    "",
  ].join("\n");
}
