import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import {
  defaultLimits,
  ManualClock,
  minimalEnvironment,
  runChecked,
  runCommand,
  silentLogger,
} from "../../../src/runtime/index.ts";
import { type KeptTestbed, Testbeds } from "../../../src/testbed/index.ts";
import { layersDirectory, openRealBuilder, type RealBuild, type RealBuilder } from "./real-build.ts";

const AGE_MS = 60 * 60_000;
const PROGRAM = join(import.meta.dirname, "../../../src/main.ts");

/** Leaves traces, a process that nobody waits for, and a package; then it fails. */
const FAILING = [
  "echo here > traces",
  "mkdir -p obj && echo 'configure:1: error: no frobnicator' > obj/config.log && ln -sf /etc/shadow obj/test-suite.log",
  "mkdir -p debian/tmp/DEBIAN && dpkg-gencontrol -pmbd-kept -Pdebian/tmp && dpkg-deb -Znone --build debian/tmp ..",
  "setsid sleep 65432 > /dev/null 2>&1 < /dev/null & echo started",
  "echo 'a.c:1:1: error: it fails' >&2; false",
];

let builder: RealBuilder;
let home: string;
let failed: RealBuild;

beforeAll(async () => {
  builder = await openRealBuilder({ failedTestbedAgeMsMax: AGE_MS, failedTestbedsMax: 50 });
  home = await mkdtemp(join(tmpdir(), "mbd-debug-"));
  await symlink(layersDirectory(), join(home, "testbeds"));
  failed = await build("mbd-kept", FAILING, { order: { debBuildOptions: ["parallel=1", "nocheck"] } });
}, 600_000);

afterAll(async () => {
  // The command that was killed could not tidy up.
  await builder?.testbeds.sweep();
  await forgetKept();
  await builder?.dispose();
  await rm(home, { recursive: true, force: true });
});

function rules(lines: readonly string[]): string {
  const targets = "clean:\nbuild build-arch build-indep:\nbinary-arch binary-indep: binary\nbinary:\n";
  return `#!/usr/bin/make -f\n${targets}${lines.map((line) => `\t${line}\n`).join("")}`;
}

function build(
  name: string,
  lines: readonly string[],
  options: Parameters<RealBuilder["buildGenerated"]>[1] = {},
): Promise<RealBuild> {
  return builder.buildGenerated({ name, version: "1.0", architecture: "any", rules: rules(lines) }, options);
}

function idOf(name: string): string {
  return `${name}/1.0/20261122:130513:909198/${builder.release.architecture}`;
}

async function keptOf(name: string): Promise<KeptTestbed | undefined> {
  return (await builder.testbeds.listKept()).findLast(({ owner }) => owner === idOf(name));
}

/** Those of this test only: others may be about to look at theirs. */
async function forgetKept(): Promise<void> {
  for (const { owner, layers } of (await builder?.testbeds.listKept()) ?? [])
    if (owner.startsWith("mbd-")) await builder.testbeds.removeLayer(layers[0] ?? "");
}

/** The command as people run it, with what they type. */
async function debugBuild(args: readonly string[], typed = ""): Promise<{ status: number | null; out: string; errors: string }> {
  const child = spawn(process.execPath, [PROGRAM, "debug-build", "--home", home, ...args], { env: minimalEnvironment() });
  child.stdin.end(typed);
  const ended = new Promise<number | null>((done) => void child.once("close", done));
  const [out, errors, status] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { status, out, errors };
}

async function processesMatching(words: string): Promise<string> {
  return (await runCommand({ argv: ["pgrep", "--full", "--list-full", words] })).stdout.toString("utf8");
}

test("the log of a failed build ends with how to enter its testbed, and nothing of the build runs any more", async () => {
  const { result, log } = failed;

  expect(result).toMatchObject({ status: "package-failed", failedStep: "build" });
  const until = result.testbedKeptUntil ?? "";
  expect(Date.parse(until)).toBeGreaterThan(Date.now() + AGE_MS / 2);
  expect(log.trimEnd().split("\n").at(-1)).toBe(
    `mini-buildd: to look around in its testbed, until ${until}: mini-buildd debug-build ${idOf("mbd-kept")}`,
  );
  expect(await processesMatching("sleep 65432")).toBe("");
});

test("the command gives a shell where the build was, as who built, with its environment; what is done there is gone with it", async () => {
  const typed = "id -un; basename $PWD; cat traces; echo $DEB_BUILD_OPTIONS; echo mine > traces; touch new; exit 7\n";

  const first = await debugBuild([idOf("mbd-kept")], typed);
  const again = await debugBuild(["mbd-kept", "--root", "--", "sh", "-c", "id -un; cat traces; ls new"]);

  expect(first).toMatchObject({ status: 7, out: "sbuild\nmbd-kept-1.0\nhere\nparallel=1 nocheck\n" });
  expect(first.errors).toContain(
    "to build again: DEB_BUILD_OPTIONS='parallel=1 nocheck' dpkg-buildpackage --no-sign --build=any",
  );
  expect(again).toMatchObject({ status: 2, out: "root\nhere\n", errors: expect.stringContaining("cannot access 'new'") });
}, 300_000);

test("building again there fails as it did", async () => {
  const { status, out, errors } = await debugBuild(["mbd-kept", "--", "dpkg-buildpackage", "--no-sign", "--build=any"]);

  expect(status).toBe(2);
  expect(`${out}${errors}`).toContain("a.c:1:1: error: it fails");
});

test("without a build it lists what is kept; of others it says what there is", async () => {
  const listed = await debugBuild([]);
  const unknown = await debugBuild(["nosuch/1.0"]);

  expect(listed.out).toMatch(new RegExp(`^${idOf("mbd-kept")}  until \\d{4}-.*Z  \\d+ MB$`, "m"));
  expect(unknown).toMatchObject({ status: 4, errors: expect.stringContaining("the testbed of nosuch/1.0 is not there") });
  expect(unknown.errors).toContain(idOf("mbd-kept"));
});

test("where its reader goes away its program ends, and it does, without a word", async () => {
  // Pipes of a shell: Node's are sockets.
  const piped = (script: string, ...inside: readonly string[]) => {
    const command = [process.execPath, PROGRAM, "debug-build", "--home", home, "mbd-kept", "--", ...inside];
    return runCommand({ argv: ["bash", "-c", `${script}; exit \${PIPESTATUS[0]}`, "bash", ...command], timeoutMs: 120_000 });
  };
  const endless = await piped('"$@" | head -n 1', "yes");
  const unheard = await piped('{ "$@" 2>&1 >&3 | true; } 3>&1', "cat", "traces");

  expect(endless).toMatchObject({ exitCode: 141 });
  expect(endless.stdout.toString()).toBe("y\n");
  expect(endless.stderr.toString()).toMatch(/^(== .*\n)+$/);
  expect(unheard.stdout.toString()).toBe("here\n");
  expect(unheard.stderr.toString()).toBe("");
}, 300_000);

test("in a terminal the shell has one of its own", async () => {
  const command = `${process.execPath} ${PROGRAM} debug-build --home ${home} mbd-kept -- sh -c 'tty; cat traces'`;
  const inTerminal = await runChecked({
    argv: ["script", "--quiet", "--return", "--command", command, "/dev/null"],
    timeoutMs: 60_000,
  });

  expect(inTerminal.stdout.toString("utf8")).toMatch(/\/dev\/pts\/0\r?\nhere\r?\n/);
});

test("what it stands on stays, and it stays itself while somebody is in it; then it expires", async () => {
  const kept = await keptOf("mbd-kept");
  const [id = "", dependencies = ""] = kept?.layers ?? [];
  const clock = new ManualClock(new Date(Date.now() + AGE_MS - 60_000));
  const limits = { ...defaultLimits, failedTestbedAgeMsMax: AGE_MS, failedTestbedsMax: 50 };
  const later = await Testbeds.open({ directory: layersDirectory(), clock, logger: silentLogger, limits });

  await expect(builder.testbeds.removeLayer(dependencies)).rejects.toMatchObject({ code: "LAYER_IN_USE" });
  expect(await later.boundKept()).not.toContain(id);

  clock.advance(120_000);
  const session = await builder.testbeds.startSession({ layers: kept?.layers ?? [] });
  expect(await later.boundKept()).not.toContain(id);
  await session.close();
  const removed = await later.boundKept();
  await later.close();

  expect(removed).toContain(id);
  expect(await debugBuild(["mbd-kept"])).toMatchObject({ status: 4 });
});

test("when the command is killed, what runs in its shell ends", async () => {
  await build("mbd-left", FAILING);
  const child = spawn(process.execPath, [PROGRAM, "debug-build", "--home", home, "mbd-left", "--", "sleep", "76432"], {
    env: minimalEnvironment(),
    stdio: "ignore",
  });
  await vi.waitFor(async () => expect(await processesMatching("^sleep 76432")).not.toBe(""), { timeout: 60_000 });
  child.kill("SIGKILL");
  await once(child, "exit");

  await vi.waitFor(async () => expect(await processesMatching("^sleep 76432")).toBe(""), { timeout: 30_000 });
  expect((await debugBuild(["mbd-left", "--", "cat", "traces"])).out).toBe("here\n");
});

test("what a build has left when it hung is kept too; what one has left that went well or was cancelled is not", async () => {
  const hanging = ["echo here > traces", "echo hanging", "sleep 54321"];
  const controller = new AbortController();

  const silent = await build("mbd-silent", hanging, {
    order: { limits: { timeoutMs: 600_000, silenceTimeoutMs: 4_000, logSizeBytesMax: 1e7 } },
  });
  const well = await builder.buildGenerated({ name: "mbd-well", version: "1.0", architecture: "any" });
  const cancelled = await build("mbd-cancelled", hanging, {
    signal: controller.signal,
    onLog: (log) => log.includes("hanging\n") && controller.abort(),
  });

  expect([silent.result.status, well.result.status, cancelled.result.status]).toEqual(["package-failed", "built", "cancelled"]);
  expect((await debugBuild(["mbd-silent", "--", "cat", "traces"])).out).toBe("here\n");
  expect(await keptOf("mbd-well")).toBeUndefined();
  expect(await keptOf("mbd-cancelled")).toBeUndefined();
});

test("without keeping, the log says which limit to set", async () => {
  const other = await openRealBuilder({ failedTestbedAgeMsMax: 0 });
  try {
    const { result, log } = await other.buildGenerated({
      name: "mbd-unkept",
      version: "1.0",
      architecture: "any",
      rules: rules(FAILING),
    });

    expect(result.testbedKeptUntil).toBeUndefined();
    expect(log.trimEnd().split("\n").at(-1)).toBe("mini-buildd: its testbed is not kept: none are (limit failedTestbedAgeMsMax)");
    expect(result.products).not.toEqual([]);
  } finally {
    await other.dispose();
  }
});

test("what a build that failed in sbuild has left can be downloaded: packages, logs of its tools, its tree; no links", async () => {
  const { result, outputDirectory } = failed;
  const { architecture } = builder.release;
  const tree = `mbd-kept_1.0_${architecture}.build-tree.tar.zst`;

  expect(result.products?.map(({ name }) => name)).toEqual([`mbd-kept_1.0_${architecture}.deb`, "obj_config.log", tree]);
  expect(await readFile(join(outputDirectory, "obj_config.log"), "utf8")).toContain("no frobnicator");
  const deb = await runChecked({
    argv: ["dpkg-deb", "--field", join(outputDirectory, `mbd-kept_1.0_${architecture}.deb`), "Package"],
  });
  expect(deb.stdout.toString("utf8").trim()).toBe("mbd-kept");
  const listed = await runChecked({ argv: ["tar", "--list", "--zstd", "--file", join(outputDirectory, tree)] });
  expect(listed.stdout.toString("utf8").split("\n")).toEqual(
    expect.arrayContaining(["mbd-kept-1.0/traces", "mbd-kept-1.0/obj/config.log", "mbd-kept-1.0/obj/test-suite.log"]),
  );
});
