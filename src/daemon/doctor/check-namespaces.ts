import { readFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { runCommand } from "../../runtime/index.ts";
import { type Finding, ok, problem } from "./finding.ts";

const SUBORDINATE_IDS_MIN = 65_536;

/** Sysctls with which distributions forbid user namespaces, and the value that allows them. */
const SYSCTLS: readonly { name: string; isForbidding: (value: number) => boolean; allow: string }[] = [
  { name: "kernel.unprivileged_userns_clone", isForbidding: (value) => value === 0, allow: "1" },
  { name: "user.max_user_namespaces", isForbidding: (value) => value < 16, allow: "10000" },
  { name: "kernel.apparmor_restrict_unprivileged_userns", isForbidding: (value) => value !== 0, allow: "0" },
];

/** The subordinate ids of our user, and whether a user namespace with them can be made. */
export async function checkNamespaces(): Promise<Finding[]> {
  const user = userInfo();
  const ranges = await Promise.all(["/etc/subuid", "/etc/subgid"].map((path) => checkSubordinateIds(path, user)));
  // Without them no namespace can be made, and that would look like another problem.
  return ranges.some(({ status }) => status === "problem") ? ranges : [...ranges, await checkUserNamespace()];
}

async function checkSubordinateIds(path: string, user: { uid: number; username: string }): Promise<Finding> {
  const text = await readFile(path, "utf8").catch(() => "");
  const range = findSubordinateRange(text, user);
  if (range !== undefined) return ok(path, `${user.username} has ${range.start}-${range.start + range.count - 1}`);

  const line = `${user.username}:100000:${SUBORDINATE_IDS_MIN}`;
  const message = `${user.username} has no range of ${SUBORDINATE_IDS_MIN} subordinate ids`;
  return problem(path, message, `As root, add a line like "${line}" to ${path}, with a range that no other line has`);
}

/** Lines are `user:start:count`, the user by name or number. */
export function findSubordinateRange(
  text: string,
  user: { uid: number; username: string },
): { start: number; count: number } | undefined {
  for (const line of text.split("\n")) {
    const [owner, start, count] = line.split(":");
    const isOurs = owner === user.username || owner === String(user.uid);
    if (isOurs && Number(count) >= SUBORDINATE_IDS_MIN) return { start: Number(start), count: Number(count) };
  }
  return undefined;
}

async function checkUserNamespace(): Promise<Finding> {
  const argv = ["unshare", "--map-root-user", "--map-auto", "--mount", "--pid", "--fork", "--net", "true"] as const;
  const ended = await runCommand({ argv, timeoutMs: 30_000 });
  if (ended.exitCode === 0) return ok("user namespaces", "can be made");

  const said = ended.stderr.toString("utf8").trim().split("\n").at(-1) ?? "";
  const settings = await forbiddingSysctls();
  const fix =
    settings.length === 0
      ? "This machine (a container, a security module?) forbids them: allow nested user namespaces, or use another machine"
      : `As root: ${settings.map((setting) => `sysctl -w ${setting}`).join("; ")} (and into a file in /etc/sysctl.d/ to stay)`;
  return problem("user namespaces", `cannot be made: ${said}`, fix);
}

async function forbiddingSysctls(): Promise<string[]> {
  const settings: string[] = [];
  for (const { name, isForbidding, allow } of SYSCTLS) {
    const text = await readFile(`/proc/sys/${name.replaceAll(".", "/")}`, "utf8").catch(() => "");
    if (text !== "" && isForbidding(Number(text))) settings.push(`${name}=${allow}`);
  }
  return settings;
}
