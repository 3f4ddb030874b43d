import { invalid, quote } from "./invalid.ts";

/** A name that is safe as the last part of a path, in a URL and in an index. */
const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9+.~_:-]*$/;
/** Debian Policy 5.6.1 and 5.6.7: the same grammar for source and binary packages. */
const PACKAGE_NAME = /^[a-z0-9][a-z0-9+.-]+$/;
const ARCHITECTURE = /^[a-z0-9][a-z0-9-]*$/;
const COMPONENT = /^[a-z0-9][a-z0-9-]*$/;
/** What file systems take. */
const NAME_BYTES_MAX = 255;
const PACKAGE_NAME_LENGTH_MAX = 128;

export function isFileName(text: string): boolean {
  return text.length <= NAME_BYTES_MAX && FILE_NAME.test(text);
}

/** Throws FILE_NAME_INVALID. */
export function checkFileName(text: string): string {
  if (isFileName(text)) return text;

  throw invalid({
    code: "FILE_NAME_INVALID",
    message: `${quote(text)} is not an acceptable file name`,
    hint: "File names begin with a letter or digit and hold only letters, digits and + . ~ _ : -",
  });
}

/** Also for architecture-less names: a source and a binary package have the same grammar. */
export function isPackageName(text: string): boolean {
  return text.length <= PACKAGE_NAME_LENGTH_MAX && PACKAGE_NAME.test(text);
}

/** Throws PACKAGE_NAME_INVALID. */
export function checkPackageName(text: string): string {
  if (isPackageName(text)) return text;

  throw invalid({
    code: "PACKAGE_NAME_INVALID",
    message: `${quote(text)} is not the name of a package`,
    hint: "Package names have at least two characters: lower-case letters, digits and + - .",
  });
}

/** "amd64", "all", "source", "kfreebsd-amd64"; wildcards are of this form too. */
export function isArchitectureName(text: string): boolean {
  return text.length <= 64 && ARCHITECTURE.test(text);
}

/** "contrib" of the section "contrib/utils", "main" of "utils". Throws CONTROL_DATA_INVALID for what cannot be a component. */
export function componentOfSection(section: string): string {
  const slash = section.lastIndexOf("/");
  const component = slash < 0 ? "main" : section.slice(0, slash);
  if (COMPONENT.test(component) && component.length <= 64) return component;

  throw invalid({ code: "CONTROL_DATA_INVALID", message: `the section ${quote(section)} names no component` });
}

/** The directory of a source package's files below the archive's root: `pool/main/libf/libfoo`. */
export function poolDirectory(component: string, sourcePackageName: string): string {
  return `pool/${component}/${poolPrefix(sourcePackageName)}/${sourcePackageName}`;
}

/** "libf" of "libfoo", "h" of "hello". */
export function poolPrefix(sourcePackageName: string): string {
  return sourcePackageName.startsWith("lib") ? sourcePackageName.slice(0, 4) : sourcePackageName.slice(0, 1);
}
