import { afterAll, beforeAll, expect, test } from "vitest";
import { runChecked } from "../../src/runtime/index.ts";
import { openRealBuilder, type RealBuilder } from "../integration/builder/real-build.ts";
import { hostSources } from "../support/judges.ts";

/**
 * A build for another release and another architecture than this machine's: bullseye, whose apt takes no key in
 * Signed-By and whose /bin is no link, for i386 on amd64.
 */

const CODENAME = "bullseye";
const ARCHITECTURE = "i386";

let builder: RealBuilder;

beforeAll(async () => {
  builder = await openRealBuilder();
});

afterAll(async () => {
  await builder?.dispose();
});

test("a package is built for it, by a machine that looks like one of its own", async (context) => {
  const host = (await runChecked({ argv: ["dpkg", "--print-architecture"] })).stdout.toString("utf8").trim();
  if (host !== "amd64") context.skip(`${host} does not run ${ARCHITECTURE}`);
  // Of the release alone: some mirrors keep updates and security for few architectures.
  const baseSources = (await hostSources(CODENAME, ARCHITECTURE))
    .slice(0, 1)
    .map((source) => ({ ...source, deb822: source.deb822.replace(/^Suites: .*$/m, `Suites: ${CODENAME}`) }));

  const rules = `#!/usr/bin/make -f
clean build build-arch build-indep:
	uname -m; dpkg --print-architecture; . /etc/os-release; echo "$$VERSION_CODENAME"; getconf LONG_BIT; test -e /usr/include/zlib.h
binary-arch binary-indep: binary
binary:
	mkdir -p debian/hello/DEBIAN debian/hello/usr/share/doc/hello
	dpkg-gencontrol -phello -Pdebian/hello
	dpkg-deb --root-owner-group --build debian/hello ..
.PHONY: clean build build-arch build-indep binary binary-arch binary-indep
`;
  const { result, log } = await builder.buildGenerated(
    { architecture: "any", rules, buildDepends: "zlib1g-dev" },
    { order: { codename: CODENAME, architecture: ARCHITECTURE, baseSources, buildsAll: false, lintianMode: "disabled" } },
  );

  expect(result.status === "built" ? "" : log).toBe("");
  expect(log).toMatch(/^i686\ni386\nbullseye\n32$/m);
  expect(result.files.map(({ name }) => name)).toContain("hello_1.0-1_i386.deb");
});
