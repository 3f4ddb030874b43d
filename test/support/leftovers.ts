import { readdir, readFile, readlink, stat } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { openDatabaseReader } from "../../src/database/index.ts";
import { silentLogger } from "../../src/runtime/index.ts";

/** Processes, mounts and directories that should not be there after an orderly stop. */
export async function leftovers(home: string): Promise<string[]> {
  const found = await subordinateProcesses();
  for (const entry of await readdir("/proc")) {
    if (!/^[0-9]+$/.test(entry) || Number(entry) === process.pid) continue;
    const commandLine = await readFile(`/proc/${entry}/cmdline`, "utf8").catch(() => "");
    const root = await readlink(`/proc/${entry}/root`).catch(() => "");
    const mounts = await readFile(`/proc/${entry}/mountinfo`, "utf8").catch(() => "");
    if (commandLine.includes(home) || root.includes(home)) found.push(`process ${entry}: ${commandLine.replaceAll("\0", " ")}`);
    if (mounts.includes(home)) found.push(`mount of process ${entry}`);
  }
  const trees = await readdir(join(home, "testbeds/store")).catch(() => []);
  found.push(...trees.filter((name) => /^(?:s-|making-)/.test(name)).map((name) => `testbeds/store/${name}`));
  found.push(...(await quarantined(home)));
  const empty = ["builds/.staging", "testbeds/sessions"];
  for (const name of empty) {
    const entries = await readdir(join(home, name)).catch(() => []);
    found.push(...entries.map((entry) => `${name}/${entry}`));
  }
  const all = await readdir(join(home, "builds"), { recursive: true });
  found.push(...all.filter((path) => path.endsWith("/work") || path.endsWith(".tmp")).map((path) => `builds/${path}`));
  const published = await readdir(join(home, "repositories"), { recursive: true });
  found.push(...published.filter((path) => path.includes(".tmp") || path.includes(".new")).map((path) => `repositories/${path}`));
  const pool = await readdir(join(home, "pool"), { recursive: true });
  found.push(...pool.filter((path) => path.endsWith(".tmp")).map((path) => `pool/${path}`));
  return found;
}

/**
 * A sender that was cut off sends again, and then a file is there twice: what no upload needed is a spare, which goes when
 * its time is over. All else that is there after the last upload's end was forgotten.
 */
async function quarantined(home: string): Promise<string[]> {
  const location = { kind: "sqlite", path: join(home, "database/mini-buildd.sqlite") } as const;
  const reader = openDatabaseReader(location, { logger: silentLogger });
  try {
    const rows = await reader.read.selectFrom("quarantine_files").select(["id", "name", "kind"]).execute();
    const entries = await readdir(join(home, "quarantine")).catch(() => []);
    return entries.flatMap((entry) => {
      const row = rows.find(({ id }) => id === entry);
      return row?.kind === "spare" ? [] : [`quarantine/${entry} (${row === undefined ? "no row" : `${row.kind}: ${row.name}`})`];
    });
  } finally {
    await reader.close();
  }
}

/** What runs in testbeds runs under our subordinate uids, and nothing else does. */
async function subordinateProcesses(): Promise<string[]> {
  const ranges = (await readFile("/etc/subuid", "utf8"))
    .split("\n")
    .map((line) => line.split(":"))
    .filter(([owner]) => owner === userInfo().username || owner === String(process.getuid?.()))
    .map(([, first, count]) => ({ first: Number(first), end: Number(first) + Number(count) }));
  const found: string[] = [];
  for (const entry of await readdir("/proc")) {
    if (!/^[0-9]+$/.test(entry)) continue;
    const owner = await stat(`/proc/${entry}`).catch(() => undefined);
    if (owner === undefined || !ranges.some(({ first, end }) => owner.uid >= first && owner.uid < end)) continue;
    const name = await readFile(`/proc/${entry}/comm`, "utf8").catch(() => "?");
    found.push(`process ${entry} in a testbed: ${name.trim()}`);
  }
  return found;
}
