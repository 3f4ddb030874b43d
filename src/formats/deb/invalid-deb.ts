import type { AppError } from "../../runtime/index.ts";
import { invalid } from "../invalid.ts";

export function invalidDeb(what: string): AppError {
  return invalid("DEB_INVALID", `this is no binary package: ${what}`, "dpkg-deb --info shows whether dpkg can read it");
}

export function tooLargeDeb(what: string): AppError {
  return invalid("DEB_TOO_LARGE", `this binary package is too large: ${what}`, "Split the package, or raise the deb… limits");
}
