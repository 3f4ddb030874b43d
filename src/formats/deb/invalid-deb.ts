import type { AppError } from "../../runtime/index.ts";
import { invalid } from "../invalid.ts";

export function invalidDeb(what: string): AppError {
  return invalid({
    code: "DEB_INVALID",
    message: `this is no binary package: ${what}`,
    hint: "dpkg-deb --info shows whether dpkg can read it",
  });
}

export function tooLargeDeb(what: string): AppError {
  return invalid({
    code: "DEB_TOO_LARGE",
    message: `this binary package is too large: ${what}`,
    hint: "Split the package, or raise the deb… limits",
  });
}
