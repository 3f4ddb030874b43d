import { expect, test } from "vitest";
import type { VirtServerRequest } from "../types.ts";
import { formatVirtServerRequest, parseVirtServerRequest } from "./request.ts";

test("a request survives its way through the words of a line", () => {
  const layers = ["deps-1", "base-2"];
  const compilerCache = { repository: "test", source: "libfoo+x", codename: "trixie", architecture: "amd64" };

  check({ layers, owner: undefined, compilerCache: undefined });
  check({ layers, owner: "foo/1.0~a 100%/x/amd64", compilerCache: undefined });
  check({ layers, owner: "foo", compilerCache });
  check({ layers, owner: "foo", isHeld: true });
  check({ layers, owner: "foo", isHeld: true, compilerCache });
});

function check(request: VirtServerRequest): void {
  const line = formatVirtServerRequest(request).join(" ");

  expect(parseVirtServerRequest(line.split(" "))).toEqual(request);
}
