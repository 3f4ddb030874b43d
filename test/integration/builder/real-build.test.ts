import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { parseLintianTags } from "../../../src/builder/lintian-tags.ts";
import { minimalEnvironment, runChecked, runCommand } from "../../../src/runtime/index.ts";
import type { AptRoot } from "../../support/apt.ts";
import { downloadSource, makeHostAptRoot } from "../../support/host-archive.ts";
import { layersDirectory, openRealBuilder, type RealBuild, type RealBuilder } from "./real-build.ts";

/** A debian/rules whose binary target runs these lines. */
function rules(...lines: readonly string[]): string {
  const targets = "clean:\nbuild build-arch build-indep:\nbinary-arch binary-indep: binary\nbinary:\n";
  return `#!/usr/bin/make -f\n${targets}${lines.map((line) => `\t${line}\n`).join("")}`;
}

let builder: RealBuilder;

beforeAll(async () => {
  builder = await openRealBuilder();
}, 600_000);
afterAll(async () => builder.dispose());

test("hello of the host's release is built, checked and delivered", { timeout: 900_000 }, async () => {
  const root: AptRoot = await makeHostAptRoot(builder.release);
  try {
    const { directory, dscName } = await downloadSource(root, "hello");
    const build = await builder.build(directory, dscName, { order: { lintianMode: "ignore" } });

    requireBuilt(build);
    expect(build.reports.map(({ step, type }) => `${step} ${type}`)).toEqual(
      ["prepare", "build", "checks", "deliver"].flatMap((step) => [`${step} started`, `${step} ended`]),
    );
    const names = build.result.files.map(({ name }) => name);
    expect(names.some((name) => /^hello_.*\.deb$/.test(name))).toBe(true);
    expect(names.some((name) => /^hello-dbgsym_.*\.deb$/.test(name))).toBe(true);
    expect(names.some((name) => name.endsWith(".buildinfo"))).toBe(true);
    expect((await readdir(build.outputDirectory)).sort()).toEqual([...names].sort());
    expect(build.result.checks[0]).toMatchObject({ name: "lintian" });
    expect(["pass", "warn", "fail"]).toContain(build.result.checks[0]?.outcome);
    const changesName = names.find((name) => name.endsWith(".changes")) ?? "";
    const plain = parseLintianTags(await builder.plainLintian([directory, build.outputDirectory], [changesName, dscName]));
    expect(plain).not.toEqual([]);
    expect(build.result.checks[0]?.tags).toEqual(plain);

    const deb = names.find((name) => /^hello_.*\.deb$/.test(name)) ?? "";
    const contents = await runChecked({ argv: ["dpkg-deb", "--contents", join(build.outputDirectory, deb)] });
    expect(contents.stdout.toString()).toContain("./usr/bin/hello");
  } finally {
    await root.dispose();
  }
});

test("a compile error is the package's failure, and the reason quotes the compiler", async () => {
  const source = { name: "broken", version: "1.0", architecture: "any", rules: rules("echo 'int main( {' > a.c; gcc -c a.c") };

  const { result, log } = await builder.buildGenerated(source);

  expect(result).toMatchObject({ status: "package-failed", failedStep: "build", files: [] });
  expect(result.reason).toMatch(/^dpkg-buildpackage failed: a\.c:1:\d+: error: /);
  expect(result.failure).toMatchObject({ class: "compiler" });
  expect(log.split("\n")[(result.failure?.logLine ?? 0) - 1]).toMatch(/^a\.c:1:\d+: error: /);
});

test("a build that hangs is ended by the silence limit with all its processes", async () => {
  const source = { name: "silent", version: "1.0", architecture: "any", rules: rules("setsid sleep 98765 & sleep 98765") };
  const limits = { timeoutMs: 600_000, silenceTimeoutMs: 4_000, logSizeBytesMax: 10_000_000 };

  const { result } = await builder.buildGenerated(source, { order: { limits } });

  expect(result).toMatchObject({ status: "package-failed", failedStep: "build" });
  expect(result.reason).toBe("the build printed nothing for 4 s (limit buildSilenceTimeoutMs)");
  expect(await processesMatching("sleep 98765")).toBe("");
});

test("a build that talks without end is ended by the wall clock", async () => {
  const source = { name: "endless", version: "1.0", architecture: "any", rules: rules("while true; do echo x; sleep 1; done") };
  const limits = { timeoutMs: 5_000, silenceTimeoutMs: 600_000, logSizeBytesMax: 10_000_000 };

  const { result } = await builder.buildGenerated(source, { order: { limits } });

  expect(result.reason).toBe("the build took longer than 5 s (limit buildTimeoutMs)");
});

test("a flood of output is ended by the log limit, and the log stays below it", async () => {
  const source = { name: "flood", version: "1.0", architecture: "any", rules: rules("yes 'a line of a very long log'") };
  const limits = { timeoutMs: 600_000, silenceTimeoutMs: 600_000, logSizeBytesMax: 300_000 };

  const { result, log } = await builder.buildGenerated(source, { order: { limits } });

  expect(result.reason).toBe("the log grew beyond 300000 bytes (limit buildLogSizeBytesMax)");
  expect(log.length).toBeGreaterThan(290_000);
  expect(log.length).toBeLessThan(302_000);
  expect(await processesMatching("a line of a very long log")).toBe("");
});

test("a build dependency that does not exist is missing, and said which", async () => {
  const { result } = await builder.buildGenerated({
    name: "dependent",
    version: "1.0",
    architecture: "any",
    buildDepends: "libdoes-not-exist-dev (>= 7)",
  });

  expect(result).toMatchObject({
    status: "dependencies-missing",
    failedStep: "prepare",
    missing: { relations: ["libdoes-not-exist-dev (>= 7)"], isDeep: false },
  });
  expect(result.reason).toContain("libdoes-not-exist-dev");
});

test("a setup script runs as root before the build, and builds run under eatmydata where wanted", async () => {
  const source = {
    name: "prepared",
    version: "1.0",
    architecture: "any",
    rules: rules("cat /etc/prepared", "echo $$LD_PRELOAD"),
  };
  const setupScript = '#!/usr/bin/perl\nopen F, ">", "/etc/prepared"; print F "by $<, 100% %SBUILD_DSC\\n"; print "done\\n"';
  const failing = { name: "unprepared", version: "1.0", architecture: "any" };

  const { log } = await builder.buildGenerated(source, { order: { setupScript, eatmydata: true, addDepends: ["eatmydata"] } });
  const failed = await builder.buildGenerated(failing, { order: { setupScript: "echo trying\nfalse\necho not reached" } });

  expect(log).toMatch(/^by 0, 100% %SBUILD_DSC$/m);
  expect(log).toMatch(/^libeatmydata/m);
  expect(failed.result.status).toBe("environment-failed");
  expect(failed.log).toMatch(/^trying$/m);
  expect(failed.log).not.toMatch(/^not reached$/m);
});

test("a build has no network, and its own user is not root", async () => {
  const source = {
    name: "curious",
    version: "1.0",
    architecture: "any",
    rules: rules(
      "id -un",
      "cat /proc/net/route",
      'perl -MSocket -e \'print inet_aton("deb.example.org") ? "resolved" : "alone"\'',
      "false",
    ),
  };

  const { log } = await builder.buildGenerated(source);

  expect(log).toMatch(/^sbuild$/m);
  expect(log).toContain("alone");
});

test("lintian's errors fail a build under errfail, with the tags as data; ignore lets it pass", async () => {
  const source = { name: "unlinted", version: "1.0-1", architecture: "all", section: "misc" };

  const strict = await builder.buildGenerated(source, { order: { lintianMode: "errfail" } });
  const lenient = await builder.buildGenerated(source, { order: { lintianMode: "ignore" } });

  expect(strict.result).toMatchObject({ status: "package-failed", failedStep: "checks", files: [] });
  expect(strict.result.reason).toContain("no-changelog");
  expect(strict.result.failure).toMatchObject({ class: "checks" });
  // What failed its checks is kept to be looked at.
  expect(strict.result.products?.map(({ name }) => name)).toEqual(lenient.result.files.map(({ name }) => name));
  expect((await readdir(strict.outputDirectory)).sort()).toEqual((await readdir(lenient.outputDirectory)).sort());
  expect(strict.result.checks[0]).toMatchObject({ outcome: "fail" });
  expect(strict.result.checks[0]?.tags).toContainEqual(
    expect.objectContaining({ level: "E", package: "unlinted", tag: "no-changelog" }),
  );
  requireBuilt(lenient);
});

test("lintian looks at the source package in one of an upload's builds, also where no arch:all package is made", async () => {
  // build-essential is an error of the source package alone.
  const source = { name: "unlinted", version: "1.0-1", architecture: "any", section: "misc", buildDepends: "build-essential" };

  const first = await builder.buildGenerated(source, { order: { lintianMode: "ignore", lintsSource: true } });
  const second = await builder.buildGenerated(source, { order: { lintianMode: "ignore", lintsSource: false } });

  requireBuilt(first);
  requireBuilt(second);
  expect(first.log).toMatch(/^E: unlinted source: build-depends-on-build-essential/m);
  expect(second.log).not.toContain("unlinted source: ");
  const [both] = first.result.checks;
  const [built] = second.result.checks;
  expect(both?.tags).toEqual(expect.arrayContaining([...(built?.tags ?? [])]));
  expect(both?.tags.length).toBeGreaterThan(built?.tags.length ?? Number.POSITIVE_INFINITY);
});

test("a binNMU has the next version of an unchanged source, and lintian looks at its packages", async () => {
  const source = { name: "again", version: "1.0-1", architecture: "any", section: "misc" };
  const changelogEntry = [
    "again (1.0-1+b1) unstable; urgency=low, binary-only=yes",
    "",
    "  * Rebuild: 100 %s against 'libfoo 2'.",
    "",
    " -- mini-buildd <tests@example.org>  Sun, 22 Nov 2026 12:00:00 +0000",
  ].join("\n");
  const order = { version: "1.0-1+b1", binNmu: { sourceVersion: "1.0-1", changelogEntry }, lintianMode: "ignore" } as const;

  const build = await builder.buildGenerated(source, { order });

  requireBuilt(build);
  const names = build.result.files.map(({ name }) => name).sort();
  const architecture = builder.release.architecture;
  expect(names).toEqual(["buildinfo", "changes", "deb"].map((kind) => `again_1.0-1+b1_${architecture}.${kind}`));
  expect(await readFile(join(build.outputDirectory, names[1] ?? ""), "utf8")).toContain("Rebuild: 100 %s against 'libfoo 2'.");
  expect(build.result.checks[0]).toMatchObject({ name: "lintian", outcome: "fail" });
  expect(build.result.checks[0]?.tags).toContainEqual(expect.objectContaining({ package: "again", tag: "no-changelog" }));
});

test("when a cancelled build's result is given, nothing of its session is left, whatever it did to stay", async () => {
  const stubborn = "trap '' TERM HUP INT; (setsid sleep 87654 &) ; (setsid sh -c 'trap \"\" TERM; sleep 87654' &) ; sleep 87654";
  const source = { name: "wanted", version: "1.0", architecture: "any", rules: rules(stubborn) };
  const controller = new AbortController();

  const building = builder.buildGenerated(source, { signal: controller.signal });
  const started = async () =>
    (await processesMatching("sleep 87654")).split("\n").filter((line) => /^\d+ sleep 87654$/.test(line));
  let cancelledAtMs = 0;
  try {
    await vi.waitFor(async () => expect(await started()).toHaveLength(3), { timeout: 60_000, interval: 50 });
  } finally {
    cancelledAtMs = performance.now();
    controller.abort();
  }
  const { result } = await building;
  const durationMs = performance.now() - cancelledAtMs;

  expect(await processesMatching("sleep 87654")).toBe("");
  expect(result).toMatchObject({ status: "cancelled", reason: "the build was cancelled" });
  console.info(`cancelled in ${Math.round(durationMs)} ms (goal: 1000 on a quiet machine)`);
});

test("when the daemon is killed, the build's processes in the testbed die with it", async () => {
  const program = join(import.meta.dirname, "../../fakes/daemon-with-real-build.ts");
  // It will not tidy up after itself.
  const scratch = await mkdtemp(join(tmpdir(), "mbd-killed-"));
  const env = { ...minimalEnvironment(), HOME: scratch, TMPDIR: scratch, MINI_BUILDD_TEST_LAYERS: layersDirectory() };
  const daemon = spawn(process.execPath, [program], { stdio: ["ignore", "pipe", "inherit"], env });
  let log = "";
  await new Promise<void>((resolve) => {
    daemon.stdout.on("data", (chunk: Buffer) => {
      log += chunk.toString();
      if (log.includes("\ncompiling\n")) resolve();
    });
  });
  await vi.waitFor(async () => expect(await processesMatching("sleep 76543")).not.toBe(""));

  daemon.kill("SIGKILL");

  await vi.waitFor(async () => expect(await processesMatching("sleep 76543")).toBe(""), { timeout: 5_000 });
  await rm(scratch, { recursive: true, force: true, maxRetries: 3 });
});

/** Shows the log when it was not. */
function requireBuilt({ result, log }: RealBuild): void {
  if (result.status !== "built") throw new Error(`${result.status}: ${result.reason}\n${log.slice(-5_000)}`);
}

/** pgrep's own command line is not a match of its own. */
async function processesMatching(text: string): Promise<string> {
  const ended = await runCommand({ argv: ["pgrep", "--full", "--list-full", text] });
  return ended.stdout.toString("utf8");
}
