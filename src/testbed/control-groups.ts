import { mkdir, readdir, readFile, rmdir, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type LimitPassed, passedMemory, passedProcesses, type SessionLimits } from "./session-limits.ts";

const ROOT = "/sys/fs/cgroup";
/** Ours, beside those of the sessions: a group that has groups with controllers below it may have no processes. */
const DAEMON_GROUP = "daemon";
const SESSION_PREFIX = "session-";
const CONTROLLERS = ["memory", "pids"];

/**
 * Control groups (version 2) for sessions, below one that systemd has delegated to this service (`Delegate=` of
 * mini-buildd.service). The kernel then holds each session to its memory and processes, shared memory and all other
 * file systems in memory included.
 */
export class ControlGroups {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Undefined where nothing is delegated: sessions are then watched from outside. */
  static async find(root = ROOT): Promise<ControlGroups | undefined> {
    const own = await ownGroup(root);
    if (own === undefined) return undefined;

    const top = basename(own) === DAEMON_GROUP ? dirname(own) : own;
    if (!(await isDelegated(top))) return undefined;
    try {
      await moveIntoLeaf(top);
      await writeFile(join(top, "cgroup.subtree_control"), CONTROLLERS.map((name) => `+${name}`).join(" "));
      return new ControlGroups(top);
    } catch {
      // Not ours to divide after all.
      return undefined;
    }
  }

  /** Returns its directory; processes join it by writing their number to its cgroup.procs. */
  async make(sessionName: string, limits: SessionLimits): Promise<string> {
    const path = this.#pathOf(sessionName);
    await mkdir(path, { recursive: true });
    await writeFile(join(path, "memory.max"), String(limits.memoryBytesMax));
    await writeFile(join(path, "memory.oom.group"), "1");
    await writeFile(join(path, "pids.max"), String(limits.processesMax));
    // Absent where the kernel does not count swap.
    await writeFile(join(path, "memory.swap.max"), "0").catch(() => {});
    return path;
  }

  /** Which limit its kernel had to enforce, if any. */
  async passed(sessionName: string, limits: SessionLimits): Promise<LimitPassed | undefined> {
    const path = this.#pathOf(sessionName);
    // First: very many processes need much memory too.
    if ((await countOf(join(path, "pids.events"), "max")) > 0) return passedProcesses(limits);
    if ((await countOf(join(path, "memory.events"), "oom_kill")) > 0) return passedMemory(limits);
    return undefined;
  }

  /** When all of its processes are gone. */
  async remove(sessionName: string): Promise<void> {
    await rmdir(this.#pathOf(sessionName)).catch(() => {});
  }

  /** Those of sessions that a crash left. */
  async removeEmpty(): Promise<void> {
    for (const name of await readdir(this.#path)) {
      if (name.startsWith(SESSION_PREFIX)) await rmdir(join(this.#path, name)).catch(() => {});
    }
  }

  #pathOf(sessionName: string): string {
    return join(this.#path, `${SESSION_PREFIX}${sessionName}`);
  }
}

async function ownGroup(root: string): Promise<string | undefined> {
  const line = /^0::(\/.*)$/m.exec(await readFile("/proc/self/cgroup", "utf8"));
  const isUnified = await readFile(join(root, "cgroup.controllers"), "utf8").then(
    () => true,
    () => false,
  );
  return line?.[1] === undefined || !isUnified ? undefined : join(root, line[1]);
}

/** A service's own group, with all controllers that we need, handed to our user: not a terminal's, nor a container's. */
async function isDelegated(path: string): Promise<boolean> {
  try {
    const available = (await readFile(join(path, "cgroup.controllers"), "utf8")).split(/\s+/);
    const isOurs = (await stat(join(path, "cgroup.procs"))).uid === process.getuid?.();
    return isOurs && path.endsWith(".service") && CONTROLLERS.every((name) => available.includes(name));
  } catch {
    return false;
  }
}

/** Everything that runs in the service's group is ours: this process and what it has started. */
async function moveIntoLeaf(path: string): Promise<void> {
  const leaf = join(path, DAEMON_GROUP);
  await mkdir(leaf, { recursive: true });
  const members = (await readFile(join(path, "cgroup.procs"), "utf8")).split("\n").filter((line) => line !== "");
  for (const id of members) await writeFile(join(leaf, "cgroup.procs"), id).catch(ignoreEnded);
}

function ignoreEnded(error: NodeJS.ErrnoException): void {
  if (error.code !== "ESRCH") throw error;
}

async function countOf(path: string, name: string): Promise<number> {
  const text = await readFile(path, "utf8").catch(() => "");
  return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1] ?? 0);
}
