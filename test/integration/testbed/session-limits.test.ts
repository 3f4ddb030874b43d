import { readFile } from "node:fs/promises";
import { totalmem } from "node:os";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { LimitPassed, Session } from "../../../src/testbed/index.ts";
import { openRealTestbeds, type RealTestbeds } from "../../support/testbeds.ts";

const MEBIBYTE = 1024 ** 2;
/** So few that they meet this limit before that of memory: a control group counts what the kernel needs for each, too. */
const PROCESSES_MAX = 100;
const MEMORY_BYTES_MAX = 300 * MEBIBYTE;
const DISK_BYTES_MAX = 64 * MEBIBYTE;
const OWNER = "greedy/1.0/20261122:130513:909198/amd64";

let real: RealTestbeds;
let greedy: Session;
let neighbour: Session;
let passed: LimitPassed[];
let stopListening: () => void;

beforeAll(async () => {
  real = await openRealTestbeds({
    buildProcessesMax: PROCESSES_MAX,
    buildMemoryShareMax: MEMORY_BYTES_MAX / totalmem(),
    buildDiskBytesMax: DISK_BYTES_MAX,
    diskReserveBytes: 0,
  });
  if (real.testbeds.limitedBy === "watch")
    process.stderr.write("not tested here: limits by control groups, as none is delegated to this process\n");
});
afterAll(async () => real.dispose());

beforeEach(async () => {
  passed = [];
  stopListening = real.testbeds.onLimitPassed(OWNER, (limit) => passed.push(limit));
  greedy = await real.testbeds.startSession({ layers: [real.base.id], owner: OWNER });
  neighbour = await real.testbeds.startSession({ layers: [real.base.id], owner: "modest" });
});
afterEach(async () => {
  stopListening();
  await greedy.close();
  await neighbour.close();
});

/** Runs it to its end, which is the session's. */
async function run(script: string, as: "root" | "sbuild" = "sbuild"): Promise<void> {
  const ended = await greedy.run({ argv: ["sh", "-c", script], user: as, cwd: "/tmp", timeoutMs: 120_000, keepTail: true });
  expect(ended.reason).not.toBe("timed-out");
}

async function expectOnly(limit: LimitPassed["limit"], message: string): Promise<void> {
  await greedy.close();
  expect(passed).toEqual([{ limit, message: expect.stringContaining(message), isOurs: false }]);
  expect(neighbour.ended.aborted).toBe(false);
  expect((await neighbour.runChecked({ argv: ["sh", "-c", "echo fine | cat"] })).stdout.toString()).toBe("fine\n");
}

const FORK_BOMB = "perl -e 'while (1) { my $child = fork; next if $child; select undef, undef, undef, 0.01 if !defined $child }'";

test.each(["sbuild", "root"] as const)("a fork bomb of %s ends its session alone", async (user) => {
  const before = await processCount();
  const bomb = run(FORK_BOMB, user);
  // While it rages the neighbour can start programs, and the daemon too. Others may run tests on this machine.
  for (let count = 0; count < 20; count += 1)
    await neighbour.runChecked({ argv: ["sh", "-c", "for i in 1 2 3 4 5; do true | cat; done"] });
  expect((await processCount()) - before).toBeLessThan(10 * PROCESSES_MAX);
  await bomb;

  await expectOnly("processes", `more than ${PROCESSES_MAX} processes`);
});

test("threads count as processes, and nested process namespaces hide none", async () => {
  await run(`unshare --user --map-root-user --pid --fork sh -c '${FORK_BOMB.replaceAll("'", `'"'"'`)}'`);

  await expectOnly("processes", "processes and threads");
});

test("the kernel itself refuses processes beyond the limit", async () => {
  // Counted inside, by one that never stays for long: nobody from outside looks in time.
  const count =
    "perl -e 'my @c; while (defined(my $c = fork)) { if (!$c) { sleep 30; exit } push @c, $c } print scalar @c; kill 9, @c'";
  const ended = await greedy.run({ argv: ["sh", "-c", count], user: "sbuild", timeoutMs: 60_000 });

  expect(Number(ended.stdout.toString())).toBeLessThanOrEqual(PROCESSES_MAX);
});

test("memory of one process ends its session alone", async () => {
  await run(`perl -e 'my @all; while (1) { push @all, "x" x 8e6; select undef, undef, undef, 0.01 }'`);

  await expectOnly("memory", "more than 300 MiB of memory");
});

test("memory of many processes is added up, what they share counts once", async () => {
  // 20 that share 100 MiB are within the limit, by far; 8 that have 60 MiB each are not.
  const shared = `perl -e 'my $big = "x" x 100e6; my $length = length $big; for (1 .. 20) { if (!fork) { sleep 4; exit } } 1 while wait != -1; print "kept"'`;
  const kept = await greedy.run({ argv: ["sh", "-c", shared], user: "sbuild", timeoutMs: 60_000 });
  expect(kept.stdout.toString()).toBe("kept");

  await run(
    `perl -e 'for (1 .. 8) { if (!fork) { my $own = "x" x 60e6; substr($own, 1, 1) = $_; sleep 45; exit } } 1 while wait != -1'`,
  );

  await expectOnly("memory", "of memory");
});

test("files in shared memory are memory", async () => {
  await run("head -c 400000000 /dev/zero > /dev/shm/big; sleep 60");

  await expectOnly("memory", "of memory");
});

test.each([
  ["in one file", "yes > /tmp/big"],
  ["in many files", "i=0; while :; do i=$((i+1)); head -c 1000000 /dev/zero > /tmp/$i; done"],
  ["in a file without a name", "exec 3> /tmp/big; rm /tmp/big; yes >&3"],
])("what is written %s ends its session alone", async (_where, script) => {
  await run(script);

  await expectOnly("disk", "wrote more than 64 MiB");
});

/** Of the whole machine. */
async function processCount(): Promise<number> {
  return Number(/ \d+\/(\d+) /.exec(await readFile("/proc/loadavg", "utf8"))?.[1]);
}
