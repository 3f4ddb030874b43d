import { assert } from "../../runtime/index.ts";
import type { OwnUploads } from "../packager-context.ts";
import { changelogEntry, ownMaintainer } from "./changelog-entry.ts";
import type { SourceTree } from "./gather-source.ts";
import type { MadeSource } from "./made-source.ts";
import { type PlainPackage, plainTree } from "./plain-tree.ts";

/** The original's names. Those that are good must be installed, the other must fail to build. */
export const TEST_PACKAGES = {
  "mbd-test-archall": { mustBeInstalled: true },
  "mbd-test-cpp": { mustBeInstalled: true },
  "mbd-test-ftbfs": { mustBeInstalled: false },
} as const;

export type TestPackage = keyof typeof TEST_PACKAGES;

export function isTestPackage(name: string): name is TestPackage {
  return Object.hasOwn(TEST_PACKAGES, name);
}

type Particulars = Pick<PlainPackage, "architecture" | "summary" | "description" | "recipe" | "install" | "files">;

const PARTICULARS: Readonly<Record<TestPackage, Particulars>> = {
  "mbd-test-archall": {
    architecture: "all",
    summary: "test package of mini-buildd for all architectures",
    description: [
      "A script that says its name. It shows that packages without",
      "compiled code can be built, installed and published.",
    ],
    recipe: ["sh -n program"],
    install: [{ file: "program", to: "/usr/bin/mbd-test-archall", mode: "755" }],
    files: { program: "#!/bin/sh\necho mbd-test-archall\n" },
  },
  "mbd-test-cpp": {
    architecture: "any",
    summary: "test package of mini-buildd with a compiled program",
    description: [
      "A program in C++ that says its name. It shows that each architecture",
      "can compile, link and find shared libraries.",
    ],
    recipe: [
      "g++ $(shell dpkg-buildflags --get CXXFLAGS) $(shell dpkg-buildflags --get LDFLAGS) -o mbd-test-cpp program.cpp",
      "./mbd-test-cpp",
      "install -D -m 755 --strip mbd-test-cpp debian/tmp/usr/bin/mbd-test-cpp",
      "rm mbd-test-cpp",
      "dpkg-shlibdeps debian/tmp/usr/bin/mbd-test-cpp",
    ],
    install: [],
    files: {
      "program.cpp": '#include <iostream>\n\nint main() {\n  std::cout << "mbd-test-cpp" << std::endl;\n  return 0;\n}\n',
    },
  },
  "mbd-test-ftbfs": {
    architecture: "all",
    summary: "test package of mini-buildd that fails to build",
    description: ["It shows that what cannot be built is not installed, and that", "its uploader is told why."],
    recipe: ["echo 'This package fails on purpose.'", "false"],
    install: [],
    files: {},
  },
};

/** A test package, written from nothing. */
export function testTree({ made, own }: { readonly made: MadeSource; readonly own: OwnUploads }): SourceTree {
  const { request, source } = made;
  assert(request.kind === "test" && isTestPackage(source), `${source} is no test package`);
  const autoPorts = request.autoPorts.length === 0 ? [] : [`auto-ports=${request.autoPorts.join(",")}`];
  return plainTree({
    ...PARTICULARS[source],
    source,
    section: "misc",
    maintainer: ownMaintainer(own),
    changelog: changelogEntry(own, made, ["lintian-mode=ignore", ...autoPorts]),
  });
}
