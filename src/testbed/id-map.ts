import { readFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { AppError, type CommandOptions, type EndedCommand, runCommand } from "../runtime/index.ts";

/** The subordinate ids that are 0…65535 inside every testbed. The daemon's own ids are never among them. */
export interface IdMap {
  readonly uidStart: number;
  readonly gidStart: number;
}

const ID_COUNT = 65_536;

/** Reads /etc/subuid and /etc/subgid. AppError unavailable TESTBED_HOST_UNFIT when the user has no range. */
export async function loadIdMap(): Promise<IdMap> {
  const user = userInfo();
  const names = [user.username, String(user.uid)];
  const uidStart = findRange(await readFile("/etc/subuid", "utf8").catch(() => ""), names);
  const gidStart = findRange(await readFile("/etc/subgid", "utf8").catch(() => ""), names);
  if (uidStart !== undefined && gidStart !== undefined) return { uidStart, gidStart };

  throw new AppError({
    kind: "unavailable",
    code: "TESTBED_HOST_UNFIT",
    message: `user ${user.username} has no range of ${ID_COUNT} subordinate ids`,
    hint: `Run as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${user.username}`,
    facts: { username: user.username, uidStart, gidStart },
  });
}

/** The first id of the first large enough range of a user, in the format of subuid(5). */
export function findRange(text: string, userNames: readonly string[]): number | undefined {
  for (const line of text.split("\n")) {
    const [name, start, count] = line.trim().split(":");
    if (name === undefined || !userNames.includes(name)) continue;
    if (Number(count) >= ID_COUNT && Number(start) > 0) return Number(start);
  }
  return undefined;
}

/** Start a program as root of a user namespace with the testbeds' ids. */
export function unshareArguments(idMap: IdMap): [string, ...string[]] {
  return [
    "unshare",
    "--user",
    `--map-users=${idMap.uidStart},0,${ID_COUNT}`,
    `--map-groups=${idMap.gidStart},0,${ID_COUNT}`,
    "--setuid=0",
    "--setgid=0",
  ];
}

/** Run one of the host's own tools on trees that belong to subordinate ids, e.g. rm or mv. `cwd` is the store. */
export function runUnderIdMap(idMap: IdMap, options: CommandOptions): Promise<EndedCommand> {
  return runCommand({ ...options, argv: [...unshareArguments(idMap), "--", ...options.argv] });
}
