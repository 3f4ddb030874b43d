import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

/**
 * Small real packages for tests, made without any program: a .deb in about a millisecond. dpkg-deb, dpkg-source and
 * apt take them. The same options give the same bytes.
 */

export interface MadeFile {
  readonly name: string;
  readonly path: string;
  readonly sizeBytes: number;
  readonly md5: string;
  readonly sha1: string;
  readonly sha256: string;
}

export interface DebOptions {
  readonly name?: string;
  readonly version?: string;
  readonly architecture?: string;
  /** As in control: "foo" or "foo (1.0-1)"; absent when the source has the binary's name and version. */
  readonly source?: string;
  readonly section?: string;
  /** Further control fields: { Depends: "x", "Auto-Built-Package": "debug-symbols" }. */
  readonly fields?: Readonly<Record<string, string>>;
  /** Path in the package → content; default one file that depends on name and version. */
  readonly files?: Readonly<Record<string, string>>;
  readonly extension?: "deb" | "udeb" | "ddeb";
}

export interface SourceOptions {
  readonly name?: string;
  readonly version?: string;
  /** Text of the upstream tarball's README; without a revision in the version the package is native. */
  readonly upstreamText?: string;
  /** Text in debian/, so that two packages with one orig differ. */
  readonly debianText?: string;
  readonly section?: string;
  /** The Architecture field of the .dsc and of the one binary package. */
  readonly architecture?: string;
  readonly distribution?: string;
  /** Lines of the changelog entry, each starting with "* ". */
  readonly changes?: readonly string[];
  /** Replaces debian/rules (default: builds a package with one file). */
  readonly rules?: string;
}

export interface MadeSource {
  readonly name: string;
  readonly version: string;
  readonly dsc: MadeFile;
  /** Without the .dsc. */
  readonly files: readonly MadeFile[];
}

export interface ChangesOptions {
  readonly distribution: string;
  readonly source: MadeSource;
  /** Default: the .dsc and all its files. */
  readonly files?: readonly MadeFile[];
  /** Field → text, replacing or adding. */
  readonly fields?: Readonly<Record<string, string>>;
  readonly section?: string;
}

const MAINTAINER = "Test Maintainer <maintainer@example.org>";
const MADE_AT = "Sun, 22 Nov 2026 12:00:00 +0000";
const MADE_AT_SECONDS = 1_795_348_800;

/** Write `<name>_<version>_<architecture>.deb` into a directory. */
export async function makeDeb(directory: string, options: DebOptions = {}): Promise<MadeFile> {
  const { name = "hello", version = "1.0-1", architecture = "all", section = "misc" } = options;
  const control = controlText({
    Package: name,
    ...(options.source === undefined ? {} : { Source: options.source }),
    Version: version,
    Architecture: architecture,
    Maintainer: MAINTAINER,
    "Installed-Size": "1",
    Section: section,
    Priority: "optional",
    ...options.fields,
    Description: `package ${name} of a test\n Long text.`,
  });
  const files = options.files ?? { [`usr/share/doc/${name}/version`]: `${version}\n` };
  const bytes = makeAr({
    "debian-binary": Buffer.from("2.0\n"),
    "control.tar.gz": gzipSync(makeTar({ "./control": control })),
    "data.tar.gz": gzipSync(makeTar(Object.fromEntries(Object.entries(files).map(([path, text]) => [`./${path}`, text])))),
  });
  return writeMadeFile(directory, `${name}_${withoutEpoch(version)}_${architecture}.${options.extension ?? "deb"}`, bytes);
}

/** Write a source package: .dsc, and native tarball or orig and debian tarballs. */
export async function makeSource(directory: string, options: SourceOptions = {}): Promise<MadeSource> {
  const { name = "hello", version = "1.0-1" } = options;
  const isNative = !version.includes("-");
  const upstream = withoutEpoch(version).replace(/-[^-]*$/, "");
  const folder = `${name}-${upstream}`;
  const upstreamFiles = { [`${folder}/README`]: options.upstreamText ?? `${name} ${upstream}\n` };
  const tar = (files: Record<string, string>): Buffer => gzipSync(makeTar(files));

  const files = isNative
    ? [
        await writeMadeFile(
          directory,
          `${name}_${upstream}.tar.gz`,
          tar({ ...upstreamFiles, ...debianFiles(`${folder}/`, options) }),
        ),
      ]
    : [
        await writeMadeFile(directory, `${name}_${upstream}.orig.tar.gz`, tar(upstreamFiles)),
        await writeMadeFile(directory, `${name}_${withoutEpoch(version)}.debian.tar.gz`, tar(debianFiles("", options))),
      ];
  const dsc = await writeMadeFile(
    directory,
    `${name}_${withoutEpoch(version)}.dsc`,
    Buffer.from(dscText({ ...options, name, version, isNative, files })),
  );
  return { name, version, dsc, files };
}

/** The unsigned text of a source-only .changes. Its usual name is `changesName(source)`. */
export function makeChangesText(options: ChangesOptions): string {
  const { source, distribution, section = "misc" } = options;
  const files = options.files ?? [source.dsc, ...source.files];
  return controlText({
    Format: "1.8",
    Date: MADE_AT,
    Source: source.name,
    Architecture: "source",
    Version: source.version,
    Distribution: distribution,
    Urgency: "medium",
    Maintainer: MAINTAINER,
    "Changed-By": MAINTAINER,
    Changes: `\n ${source.name} (${source.version}) ${distribution}; urgency=medium\n .\n   * Made for a test.`,
    "Checksums-Sha1": fileList(files, (file) => `${file.sha1} ${file.sizeBytes} ${file.name}`),
    "Checksums-Sha256": fileList(files, (file) => `${file.sha256} ${file.sizeBytes} ${file.name}`),
    Files: fileList(files, (file) => `${file.md5} ${file.sizeBytes} ${section} optional ${file.name}`),
    ...options.fields,
  });
}

export function changesName(source: MadeSource): string {
  return `${source.name}_${withoutEpoch(source.version)}_source.changes`;
}

/** Write any bytes and say what they are. */
export async function writeMadeFile(directory: string, name: string, bytes: Uint8Array): Promise<MadeFile> {
  await mkdir(directory, { recursive: true });
  const path = join(directory, name);
  await writeFile(path, bytes);
  const digest = (algorithm: string): string => createHash(algorithm).update(bytes).digest("hex");
  return { name, path, sizeBytes: bytes.length, md5: digest("md5"), sha1: digest("sha1"), sha256: digest("sha256") };
}

/** An ar archive as .deb uses it. */
export function makeAr(members: Readonly<Record<string, Uint8Array>>): Buffer {
  const parts: Uint8Array[] = [Buffer.from("!<arch>\n")];
  for (const [name, content] of Object.entries(members)) {
    const fields = [name.padEnd(16), String(MADE_AT_SECONDS).padEnd(12), "0".padEnd(6), "0".padEnd(6), "100644".padEnd(8)];
    parts.push(Buffer.from(`${fields.join("")}${String(content.length).padEnd(10)}\`\n`), content);
    if (content.length % 2 === 1) parts.push(Buffer.from("\n"));
  }
  return Buffer.concat(parts);
}

/** A ustar archive of regular files, with the directories they need. Names end in "!" for executable files. */
export function makeTar(files: Readonly<Record<string, string | Uint8Array>>): Buffer {
  const parts: Buffer[] = [];
  const directories = new Set<string>();
  for (const [path, content] of Object.entries(files)) {
    const segments = path.split("/");
    for (let depth = 1; depth < segments.length; depth += 1) {
      const directory = `${segments.slice(0, depth).join("/")}/`;
      if (directories.has(directory)) continue;
      directories.add(directory);
      parts.push(tarHeader(directory, 0, 0o755, "5"));
    }
    const bytes = Buffer.from(content);
    const name = path.replace(/!$/, "");
    parts.push(tarHeader(name, bytes.length, name === path ? 0o644 : 0o755, "0"), bytes);
    parts.push(Buffer.alloc((512 - (bytes.length % 512)) % 512));
  }
  parts.push(Buffer.alloc(1024));
  return Buffer.concat(parts);
}

function tarHeader(name: string, sizeBytes: number, mode: number, type: string): Buffer {
  const header = Buffer.alloc(512);
  const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, "0")}\0`;
  header.write(name, 0, 100);
  header.write(octal(mode, 7), 100);
  header.write(octal(0, 7), 108);
  header.write(octal(0, 7), 116);
  header.write(octal(sizeBytes, 11), 124);
  header.write(octal(MADE_AT_SECONDS, 11), 136);
  header.write("        ", 148);
  header.write(type, 156);
  header.write("ustar\u000000", 257);
  header.write("root", 265);
  header.write("root", 297);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}

function debianFiles(prefix: string, options: SourceOptions): Record<string, string> {
  const { name = "hello", version = "1.0-1", architecture = "all", section = "misc", distribution = "unstable" } = options;
  const changes = options.changes ?? ["* Made for a test."];
  const isNative = !version.includes("-");
  const changelog = `${name} (${version}) ${distribution}; urgency=medium\n\n  ${changes.join("\n  ")}\n\n -- ${MAINTAINER}  ${MADE_AT}\n`;
  const control = [
    controlText({
      Source: name,
      Section: section,
      Priority: "optional",
      Maintainer: MAINTAINER,
      "Standards-Version": "4.6.2",
      "Rules-Requires-Root": "no",
    }),
    controlText({ Package: name, Architecture: architecture, Description: "package of a test\n Long text." }),
  ].join("\n");
  return {
    [`${prefix}debian/changelog`]: changelog,
    [`${prefix}debian/control`]: control,
    [`${prefix}debian/copyright`]: `Public domain.\n${options.debianText ?? ""}`,
    [`${prefix}debian/source/format`]: `3.0 (${isNative ? "native" : "quilt"})\n`,
    [`${prefix}debian/rules!`]: options.rules ?? defaultRules(name),
  };
}

/** Needs dpkg-dev only. */
function defaultRules(name: string): string {
  const root = `debian/${name}`;
  return `#!/usr/bin/make -f
clean:
	rm -rf ${root} debian/files
build build-arch build-indep:
binary-arch binary-indep: binary
binary:
	rm -rf ${root}
	mkdir -p ${root}/DEBIAN ${root}/usr/share/doc/${name}
	cp README debian/copyright ${root}/usr/share/doc/${name}/
	dpkg-gencontrol -p${name} -P${root}
	dpkg-deb --root-owner-group --build ${root} ..
.PHONY: clean build build-arch build-indep binary binary-arch binary-indep
`;
}

interface DscInput extends SourceOptions {
  readonly name: string;
  readonly version: string;
  readonly isNative: boolean;
  readonly files: readonly MadeFile[];
}

function dscText({ name, version, architecture = "all", section = "misc", isNative, files }: DscInput): string {
  return controlText({
    Format: `3.0 (${isNative ? "native" : "quilt"})`,
    Source: name,
    Binary: name,
    Architecture: architecture,
    Version: version,
    Maintainer: MAINTAINER,
    "Standards-Version": "4.6.2",
    "Package-List": `\n ${name} deb ${section} optional arch=${architecture}`,
    "Checksums-Sha1": fileList(files, (file) => `${file.sha1} ${file.sizeBytes} ${file.name}`),
    "Checksums-Sha256": fileList(files, (file) => `${file.sha256} ${file.sizeBytes} ${file.name}`),
    Files: fileList(files, (file) => `${file.md5} ${file.sizeBytes} ${file.name}`),
  });
}

function controlText(fields: Readonly<Record<string, string>>): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name}:${value.startsWith("\n") ? "" : " "}${value}\n`)
    .join("");
}

function fileList(files: readonly MadeFile[], format: (file: MadeFile) => string): string {
  return files.map((file) => `\n ${format(file)}`).join("");
}

function withoutEpoch(version: string): string {
  return version.replace(/^\d+:/, "");
}
