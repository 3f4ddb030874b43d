import type { SourceTree } from "./gather-source.ts";

export interface PlainPackage {
  readonly source: string;
  /** Text of debian/changelog. */
  readonly changelog: string;
  readonly maintainer: string;
  readonly section: string;
  readonly architecture: "all" | "any";
  readonly summary: string;
  /** Lines of the long description. */
  readonly description: readonly string[];
  /** Commands of `make` before the files are put in place. */
  readonly recipe: readonly string[];
  /** Lines of install(1) below debian/tmp: what, where. */
  readonly install: readonly { readonly file: string; readonly to: string; readonly mode?: "755" }[];
  /** Beside debian/. */
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  readonly conffiles?: readonly string[];
}

/** A native source package that needs nothing but dpkg-dev and make: it builds wherever a release does. */
export function plainTree(plain: PlainPackage): SourceTree {
  return {
    files: {
      "debian/changelog": plain.changelog,
      "debian/control": control(plain),
      "debian/rules": rules(plain),
      "debian/copyright": COPYRIGHT,
      "debian/source/format": "3.0 (native)\n",
      ...plain.files,
    },
    executable: ["debian/rules"],
  };
}

const COPYRIGHT = `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
Copyright: the administrators of this archive
License: public-domain
 Made by a program. Use it as you like.
`;

function control({ source, maintainer, section, architecture, summary, description }: PlainPackage): string {
  return [
    `Source: ${source}`,
    `Section: ${section}`,
    "Priority: optional",
    `Maintainer: ${maintainer}`,
    "Standards-Version: 4.6.2",
    "Rules-Requires-Root: no",
    "",
    `Package: ${source}`,
    `Architecture: ${architecture}`,
    ...(architecture === "any" ? ["Depends: ${shlibs:Depends}"] : []),
    `Description: ${summary}`,
    ...description.map((line) => ` ${line}`),
    "",
  ].join("\n");
}

function rules({ source, architecture, recipe, install, conffiles = [] }: PlainPackage): string {
  const [own, other] = architecture === "all" ? ["binary-indep", "binary-arch"] : ["binary-arch", "binary-indep"];
  const documents = `debian/tmp/usr/share/doc/${source}`;
  return [
    "#!/usr/bin/make -f",
    "clean:",
    "\trm -rf debian/tmp debian/files debian/substvars",
    "build build-arch build-indep:",
    `${other}:`,
    `binary: ${own}`,
    `${own}:`,
    "\trm -rf debian/tmp",
    ...recipe.map((line) => `\t${line}`),
    ...install.map(({ file, to, mode = "644" }) => `\tinstall -D -m ${mode} ${file} debian/tmp${to}`),
    `\tinstall -D -m 644 debian/copyright ${documents}/copyright`,
    `\tgzip -9nc debian/changelog > ${documents}/changelog.gz`,
    "\tmkdir -p debian/tmp/DEBIAN",
    ...conffiles.map((path) => `\techo ${path} >> debian/tmp/DEBIAN/conffiles`),
    "\tcd debian/tmp && find usr -type f -exec md5sum {} + > DEBIAN/md5sums",
    "\tdpkg-gencontrol -Pdebian/tmp",
    "\tdpkg-deb --root-owner-group --build debian/tmp ..",
    ".PHONY: clean build build-arch build-indep binary binary-arch binary-indep",
    "",
  ].join("\n");
}
