import { expect, test } from "vitest";
import { judgePiuparts } from "./piuparts-verdict.ts";

const PASSED = "0m15.7s INFO: PASS: Installation and purging test.\n";
const UPGRADED = "0m25.7s INFO: PASS: Installation, upgrade and purging tests.\n";
const LEFT = `0m9.1s ERROR: FAIL: Package purging left files on system:
  /var/lib/messy/\t owned by: messy
  /var/lib/messy/left\t not owned
0m9.1s ERROR: FAIL: Installation and purging test.
`;

function outcomes(log: string, exitCode: number, hasPrevious = true): string[] {
  return judgePiuparts(log, exitCode, { hasPrevious }).tests?.map(({ name, outcome }) => `${name} ${outcome}`) ?? [];
}

test("both phases pass, or there is nothing to upgrade from", () => {
  expect(outcomes(PASSED + UPGRADED, 0)).toEqual(["install and purge pass", "upgrade pass"]);
  expect(outcomes(PASSED, 0, false)).toEqual(["install and purge pass", "upgrade skip"]);
});

test("the phase that failed is the first that did not pass, and says what was left", () => {
  const { outcome, tests } = judgePiuparts(LEFT, 1, { hasPrevious: true });

  expect(outcome).toBe("fail");
  expect(tests).toEqual([
    {
      name: "install and purge",
      outcome: "fail",
      details: expect.stringContaining("left files on system: /var/lib/messy/\t owned by: messy /var/lib/messy/left") as string,
    },
    { name: "upgrade", outcome: "skip", details: "not reached" },
  ]);
  expect(outcomes(`${PASSED}0m20s ERROR: Command failed\n`, 1)).toEqual(["install and purge pass", "upgrade fail"]);
});

test("the exit status rules: what a package prints cannot make it pass", () => {
  expect(judgePiuparts(PASSED + UPGRADED, 1, { hasPrevious: true }).outcome).toBe("fail");
});
