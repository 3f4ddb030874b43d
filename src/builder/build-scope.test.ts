import { expect, test } from "vitest";
import { type Dsc, parseDsc } from "../formats/index.ts";
import { findBuildScope } from "./build-scope.ts";

const DIGEST = "0".repeat(64);

function dsc(architectures: string, packageList: readonly string[] = []): Dsc {
  const list = packageList.length === 0 ? "" : `Package-List:\n${packageList.map((line) => ` ${line}\n`).join("")}`;
  return parseDsc(
    `Format: 3.0 (native)\nSource: foo\nVersion: 1\nArchitecture: ${architectures}\n${list}` +
      `Checksums-Sha256:\n ${DIGEST} 1 foo_1.tar.xz\nFiles:\n ${DIGEST.slice(0, 32)} 1 foo_1.tar.xz\n`,
  );
}

const amd64 = { architecture: "amd64", buildsAll: true };
const arm64 = { architecture: "arm64", buildsAll: false };

test("a source for any architecture is built by each", () => {
  expect(findBuildScope(dsc("any"), arm64)).toEqual({ any: true, all: false });
});

test("arch:all packages are made only by the build that was asked to", () => {
  const both = dsc("all linux-any");

  expect(findBuildScope(both, amd64)).toEqual({ any: true, all: true });
  expect(findBuildScope(both, arm64)).toEqual({ any: true, all: false });
});

test("a source of arch:all packages only is skipped by the others and built whole by the one", () => {
  expect(findBuildScope(dsc("all"), arm64)).toBeUndefined();
  expect(findBuildScope(dsc("all"), amd64)).toEqual({ any: true, all: true });
});

test("with packages for another architecture only, just the arch:all ones are built", () => {
  const source = dsc("all amd64", ["foo deb misc optional arch=amd64", "foo-doc deb doc optional arch=all"]);

  expect(findBuildScope(source, { architecture: "arm64", buildsAll: true })).toEqual({ any: false, all: true });
  expect(findBuildScope(source, arm64)).toBeUndefined();
});
