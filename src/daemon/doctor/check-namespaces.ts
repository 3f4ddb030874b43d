import { readFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { runCommand } from "../../runtime/index.ts";
import { type Finding, ok, problem } from "./finding.ts";

const SUBORDINATE_IDS_MIN = 65_536;
const SUBORDINATE_PATHS = ["/etc/subuid", "/etc/subgid"];

/** Sysctls with which distributions forbid user namespaces, and the value that allows them. */
const SYSCTLS: readonly { name: string; isForbidding: (value: number) => boolean; allow: string }[] = [
  { name: "kernel.unprivileged_userns_clone", isForbidding: (value) => value === 0, allow: "1" },
  { name: "user.max_user_namespaces", isForbidding: (value) => value < 16, allow: "10000" },
  { name: "kernel.apparmor_restrict_unprivileged_userns", isForbidding: (value) => value !== 0, allow: "0" },
];

/** The subordinate ids of our user, and whether a user namespace with them can be made and has what testbeds mount. */
export async function checkNamespaces(): Promise<Finding[]> {
  const user = userInfo();
  const texts = await Promise.all(SUBORDINATE_PATHS.map((path) => readFile(path, "utf8").catch(() => "")));
  const ranges = SUBORDINATE_PATHS.map((path, index) => subordinateFinding(path, { user, texts, text: texts[index] ?? "" }));
  // Without them a namespace of our own id alone still tells what the kernel allows.
  const hasRanges = ranges.every(({ status }) => status === "ok");
  const unshare = ["unshare", "--map-root-user", ...(hasRanges ? ["--map-auto"] : []), "--mount", "--net"] as const;
  return [...ranges, ...(await checkUserNamespace(unshare))];
}

type Command = readonly [string, ...string[]];

interface SubordinateIds {
  readonly user: { readonly uid: number; readonly username: string };
  /** Of the file that the finding is about, and of both. */
  readonly text: string;
  readonly texts: readonly string[];
}

export function subordinateFinding(path: string, { user, text, texts }: SubordinateIds): Finding {
  const range = findSubordinateRange(text, user);
  if (range !== undefined) return ok(path, `${user.username} has ${range.start}-${range.start + range.count - 1}`);

  const start = firstFreeId(texts);
  const option = path.endsWith("gid") ? "--add-subgids" : "--add-subuids";
  const command = `usermod ${option} ${start}-${start + SUBORDINATE_IDS_MIN - 1} ${user.username}`;
  return problem(path, `${user.username} has no range of ${SUBORDINATE_IDS_MIN} subordinate ids`, `As root: ${command}`);
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

/** Both ranges. */
export async function hasSubordinateIds(): Promise<boolean> {
  const user = userInfo();
  const texts = await Promise.all(SUBORDINATE_PATHS.map((path) => readFile(path, "utf8").catch(() => "")));
  return texts.every((text) => findSubordinateRange(text, user) !== undefined);
}

/** After all that anybody has. */
function firstFreeId(texts: readonly string[]): number {
  const ends = texts.flatMap((text) =>
    text.split("\n").map((line) => {
      const [, start, count] = line.split(":");
      return Number(start) + Number(count);
    }),
  );
  return Math.max(100_000, ...ends.filter((end) => Number.isSafeInteger(end)));
}

async function checkUserNamespace(unshare: Command): Promise<Finding[]> {
  const settings = await readSysctls();
  const failure = await failureOf([...unshare, "--pid", "--fork", "true"]);
  const findings = [namespaceFinding(failure, settings)];
  // Nothing can be mounted in what cannot be made.
  if (failure === undefined) findings.push(await checkMounts(unshare));
  return findings;
}

type Sysctl = readonly [name: string, value: number];

export function namespaceFinding(failure: string | undefined, settings: readonly Sysctl[]): Finding {
  const subject = "user namespaces";
  const shown = settings.map(([name, value]) => `${name}=${value}`).join(", ");
  if (failure === undefined) return ok(subject, `can be made (${shown})`);

  const wrong = SYSCTLS.filter(({ name, isForbidding }) =>
    settings.some(([known, value]) => known === name && isForbidding(value)),
  );
  const fix =
    wrong.length === 0
      ? "This machine (a container, a security module?) forbids them: allow nested user namespaces, or use another machine"
      : `As root: ${wrong.map(({ name, allow }) => `sysctl -w ${name}=${allow}`).join("; ")} (and into a file in /etc/sysctl.d/ to stay)`;
  return problem(subject, `cannot be made: ${failure}`, fix);
}

/** Those that this kernel knows. */
async function readSysctls(): Promise<Sysctl[]> {
  const settings: Sysctl[] = [];
  for (const { name } of SYSCTLS) {
    const text = await readFile(`/proc/sys/${name.replaceAll(".", "/")}`, "utf8").catch(() => "");
    if (text !== "") settings.push([name, Number(text)]);
  }
  return settings;
}

/** The kernel refuses a fresh proc and sysfs where parts of the machine's are covered, as containers do it. */
async function checkMounts(unshare: Command): Promise<Finding> {
  const mounts = "mount -t proc proc /proc && mount -t sysfs -o ro sysfs /sys";
  const failure = await failureOf([...unshare, "--pid", "--fork", "sh", "-c", mounts]);
  if (failure === undefined) return ok("proc and sysfs", "can be mounted in them");
  const fix =
    "This container covers parts of /proc or /sys: start it with security option systempaths=unconfined (podman: unmask=ALL)";
  return problem("proc and sysfs", `cannot be mounted in user namespaces: ${failure}`, fix);
}

/** The last that a command said of why it failed. */
async function failureOf(argv: Command): Promise<string | undefined> {
  const ended = await runCommand({ argv, timeoutMs: 30_000 });
  if (ended.exitCode === 0) return undefined;
  const lines = ended.stderr.toString("utf8").trim().split("\n");
  return lines.findLast((line) => !line.includes("dmesg(1)"))?.trim() ?? "";
}
