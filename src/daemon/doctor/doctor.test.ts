import { expect, test } from "vitest";
import { clockFinding } from "./check-archive.ts";
import { findSubordinateRange, namespaceFinding, subordinateFinding } from "./check-namespaces.ts";
import { versionFinding } from "./check-programs.ts";
import { kernelFinding, nodeFinding } from "./check-system.ts";
import { formatFindings } from "./index.ts";

test.each([
  ["5.10.0-28-amd64", "problem"],
  ["5.11.0", "ok"],
  ["6.1.0-18-amd64", "ok"],
  ["4.19.0", "problem"],
])("kernel %s: %s", (version, expected) => {
  expect(kernelFinding(version).status).toBe(expected);
});

test.each([
  ["20.20.2", "problem"],
  ["24.0.0", "ok"],
])("node %s: %s", (version, expected) => {
  expect(nodeFinding(version).status).toBe(expected);
});

test.each([
  ["sbuild (Debian sbuild) 0.85.0 (04 January 2023)", "ok"],
  ["sbuild (Debian sbuild) 0.81.2", "problem"],
  ["sbuild (Debian sbuild) 1.0.0", "ok"],
])("%s: %s", (output, expected) => {
  const program = { name: "sbuild", debianPackage: "sbuild", versionArgument: "--version", versionMin: [0, 85] as const };

  expect(versionFinding(program, output).status).toBe(expected);
});

test("a subordinate range counts by user name or number, and only if it is large enough", () => {
  const user = { uid: 1000, username: "ada" };

  expect(findSubordinateRange("bob:100000:65536\nada:165536:65536\n", user)).toEqual({ start: 165_536, count: 65_536 });
  expect(findSubordinateRange("1000:165536:65536\n", user)).toEqual({ start: 165_536, count: 65_536 });
  expect(findSubordinateRange("ada:165536:1000\nadam:1:65536\n", user)).toBeUndefined();
});

test("who has no subordinate range is given the command for one that nobody has", () => {
  const user = { uid: 1000, username: "ada" };
  const texts = ["bob:100000:65536\n", "bob:200000:65536\nada:1:5\n"];

  expect(subordinateFinding("/etc/subgid", { user, text: texts[1] ?? "", texts })).toMatchObject({
    status: "problem",
    fix: "As root: usermod --add-subgids 265536-331071 ada",
  });
  expect(subordinateFinding("/etc/subuid", { user, text: "", texts: ["", ""] }).fix).toContain("--add-subuids 100000-165535");
});

test("the sysctls that forbid user namespaces are named, AppArmor's too, and those that do not are not", () => {
  const settings = [
    ["user.max_user_namespaces", 96_000],
    ["kernel.apparmor_restrict_unprivileged_userns", 1],
  ] as const;

  expect(namespaceFinding("unshare: write failed", settings)).toMatchObject({
    status: "problem",
    fix: expect.stringMatching(/^As root: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 \(/),
  });
  expect(namespaceFinding("unshare failed", []).fix).toContain("a container");
  expect(namespaceFinding(undefined, settings).message).toContain("user.max_user_namespaces=96000");
});

test("a clock behind the lists that apt has downloaded is a problem", () => {
  const now = new Date("2026-11-22T12:00:00Z");

  expect(clockFinding(now, new Date("2026-11-22T12:01:00Z")).status).toBe("ok");
  expect(clockFinding(now, undefined).status).toBe("ok");
  expect(clockFinding(now, new Date("2026-11-23T12:00:00Z")).status).toBe("problem");
});

test("what is not ok shows how to fix it", () => {
  const text = formatFindings([
    { subject: "node", status: "ok", message: "24.1.0" },
    { subject: "user", status: "problem", message: "this is root", fix: "be another one" },
  ]);

  expect(text).toBe(`ok       node  24.1.0
PROBLEM  user  this is root
               be another one
1 problem(s)
`);
});
