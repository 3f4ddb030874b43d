import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeSourcePackage, type SourceTreeOptions } from "../../support/source-tree.ts";
import { openRealBuilder, type RealBuild, type RealBuilder } from "./real-build.ts";

const TESTS_CONTROL = `Tests: runs
Depends: @

Tests: breaks
Depends: @

Tests: shaky
Depends: @
Restrictions: flaky

Test-Command: wget -q http://example.org/
Depends: @, wget
Restrictions: needs-internet
`;

let builder: RealBuilder;
let scratch: string;

beforeAll(async () => {
  builder = await openRealBuilder();
  scratch = await mkdtemp(join(tmpdir(), "mbd-checks-"));
}, 600_000);
afterAll(async () => {
  await builder.dispose();
  await rm(scratch, { recursive: true, force: true });
});

test("autopkgtests are run against what was just built, each with its outcome", { timeout: 600_000 }, async () => {
  const files = {
    "debian/tests/control": TESTS_CONTROL,
    "debian/tests/runs": '#!/bin/sh\nset -e\ntested\necho "uid $(id -u)"\n! ls /sys/class/net | grep -v lo\n',
    "debian/tests/breaks": "#!/bin/sh\necho now it breaks\nexit 3\n",
    "debian/tests/shaky": "#!/bin/sh\nexit 1\n",
  };

  const { result, log } = await build({ name: "tested", files }, { autopkgtestMode: "ignore" });

  const [, check] = result.checks;
  expect(log).toContain("now it breaks");
  expect(check).toMatchObject({ name: "autopkgtest", outcome: "fail", summary: "1 passed, 1 failed, 1 flaky, 1 skipped" });
  expect(check?.tests?.map(({ name, outcome }) => `${name} ${outcome}`).toSorted()).toEqual([
    "breaks fail",
    "command1 skip",
    "runs pass",
    "shaky flaky",
  ]);
  expect(check?.tests?.find(({ outcome }) => outcome === "skip")?.details).toContain("has_internet");
  expect(log).toContain("uid 999");
  expect(result.status).toBe("built");
});

test("piuparts finds what a purge leaves behind, and the build fails for it", { timeout: 600_000 }, async () => {
  const postinst = "printf '#!/bin/sh\\nset -e\\nmkdir -p /var/lib/messy\\necho x > /var/lib/messy/left-behind\\n'";
  const recipe = [
    "mkdir -p debian/tmp/DEBIAN",
    `${postinst} > debian/tmp/DEBIAN/postinst`,
    "chmod 755 debian/tmp/DEBIAN/postinst",
  ];

  const { result } = await build({ name: "messy", recipe }, { piupartsMode: "errfail" });

  expect(result).toMatchObject({ status: "package-failed", failedStep: "checks", files: [] });
  expect(result.reason).toContain("/var/lib/messy/left-behind");
  expect(result.checks.at(-1)).toMatchObject({
    name: "piuparts",
    outcome: "fail",
    tests: [
      { name: "install and purge", outcome: "fail" },
      { name: "upgrade", outcome: "skip" },
    ],
  });
});

test("packages that depend on each other by exact version are installed and purged together", { timeout: 600_000 }, async () => {
  const paragraph = (name: string, fields: string): string =>
    `Package: ${name}\nArchitecture: any\n${fields}Description: package of a test\n It has a sibling.\n`;
  const pack = (name: string): string[] => [
    `mkdir -p debian/${name}/DEBIAN`,
    `dpkg-gencontrol -p${name} -Pdebian/${name}`,
    `dpkg-deb --root-owner-group -Znone --build debian/${name} ..`,
  ];
  const files = {
    "debian/control": [
      "Source: twins\nSection: misc\nPriority: optional\nMaintainer: T <t@example.org>\nStandards-Version: 4.6.2\n",
      paragraph("twins", "Depends: twins-bin (= ${binary:Version})\n"),
      paragraph("twins-bin", ""),
    ].join("\n"),
    "debian/rules": [
      "#!/usr/bin/make -f",
      "clean build build-arch build-indep binary-indep:",
      "binary: binary-arch",
      "binary-arch:",
      ...[...pack("twins"), ...pack("twins-bin")].map((line) => `\t${line}`),
      ".PHONY: clean build build-arch build-indep binary binary-arch binary-indep",
      "",
    ].join("\n"),
  };

  const { result } = await build({ name: "twins", files }, { piupartsMode: "errfail" });

  expect(result).toMatchObject({ status: "built" });
  expect(result.checks.at(-1)?.tests).toContainEqual({ name: "install and purge", outcome: "pass", details: "" });
});

async function build(
  source: Partial<SourceTreeOptions> & { name: string },
  order: Parameters<RealBuilder["build"]>[2] extends { order?: infer Order } | undefined ? Order : never,
): Promise<RealBuild> {
  const directory = await mkdtemp(join(scratch, "source-"));
  await makeSourcePackage(directory, { version: "1.0", distribution: "bookworm-test-unstable", ...source });
  return builder.build(directory, `${source.name}_${source.version ?? "1.0"}.dsc`, { order: { ...order } });
}
