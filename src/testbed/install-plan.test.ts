import { expect, test } from "vitest";
import { isEmptyPlan, missingDependencies, parsePlan, planArguments, planLayerId, unsatisfiableReason } from "./install-plan.ts";

const HASH = "ab".repeat(32);

function line(uri: string, fileName: string, hash = HASH): string {
  return `'${uri}' ${fileName} 1234 SHA256:${hash}\n`;
}

test("packages are read with epochs and plus signs as apt writes them", () => {
  const plan = parsePlan(
    `Reading package lists...\n${line("http://example.org/g/g++_12.2%2b1_amd64.deb", "g++_4%3a12.2+1~x_amd64.deb")}${line("file:/a/b_1_all.deb", "b_1_all.deb")}`,
  );

  expect(plan.install).toEqual([
    { name: "b", version: "1", architecture: "all", uri: "file:/a/b_1_all.deb", sha256: HASH, archiveName: undefined },
    {
      name: "g++",
      version: "4:12.2+1~x",
      architecture: "amd64",
      uri: "http://example.org/g/g++_12.2%2b1_amd64.deb",
      sha256: HASH,
      archiveName: "g++_4%3a12.2+1~x_amd64.deb",
    },
  ]);
  expect(planArguments(plan)).toEqual(["b=1", "g++:amd64=4:12.2+1~x"]);
});

test("removals are read, with and without purge's star", () => {
  const plan = parsePlan(
    "The following packages will be REMOVED:\n  z* a\n  m*\nThe following NEW packages will be installed:\n  b\n",
  );

  expect(plan.remove).toEqual(["a", "m", "z"]);
  expect(planArguments(plan)).toEqual(["a-", "m-", "z-"]);
  expect(isEmptyPlan(plan)).toBe(false);
});

test("the package that stands for the build dependencies is no part of the plan", () => {
  expect(isEmptyPlan(parsePlan(line("file:/tmp/x.deb", "mini-buildd-build-depends_0.invalid.0_amd64.deb")))).toBe(true);
});

test("a layer's name depends on order of nothing, on content and on what it stands on", () => {
  const one = parsePlan(line("http://x/a", "a_1_all.deb") + line("http://x/b", "b_1_all.deb"));
  const reordered = parsePlan(line("http://y/b", "b_1_all.deb") + line("http://y/a", "a_1_all.deb"));
  const rebuilt = parsePlan(line("http://x/a", "a_1_all.deb", "cd".repeat(32)) + line("http://x/b", "b_1_all.deb"));

  expect(planLayerId(reordered, ["base"])).toBe(planLayerId(one, ["base"]));
  expect(planLayerId(rebuilt, ["base"])).not.toBe(planLayerId(one, ["base"]));
  expect(planLayerId(one, ["other"])).not.toBe(planLayerId(one, ["base"]));
});

test("a reason is found in what apt prints, and only when the dependencies are at fault", () => {
  const output = `The following packages have unmet dependencies:
 mini-buildd-build-depends : Depends: libc6 (>= 99) but 2.36 is to be installed
                             Depends: nothing but it is not installable
E: Unable to correct problems, you have held broken packages.`;

  expect(unsatisfiableReason(output)).toBe(
    "Depends: libc6 (>= 99) but 2.36 is to be installed; Depends: nothing but it is not installable",
  );
  expect(unsatisfiableReason("E: Unable to locate package x")).toBe("E: Unable to locate package x");
  expect(unsatisfiableReason("E: Write error - write (28: No space left on device)")).toBeUndefined();
});

test("what is missing is named as apt names it, and what is missing behind it is told apart", () => {
  const direct = `The following packages have unmet dependencies:
 mini-buildd-build-depends : Depends: libfoo-dev (>= 2) but 1.0 is to be installed
                             Depends: gone but it is not installable
E: Unable to correct problems, you have held broken packages.`;
  const deep = `The following packages have unmet dependencies:
 mini-buildd-build-depends : Depends: tool but it is not going to be installed`;

  expect(missingDependencies(direct)).toEqual({ relations: ["libfoo-dev (>= 2)", "gone"], isDeep: false });
  expect(missingDependencies(deep)).toEqual({ relations: ["tool"], isDeep: true });
  expect(missingDependencies("E: nothing that is known")).toEqual({ relations: [], isDeep: true });
});
