import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommand } from "../../../src/runtime/index.ts";
import { fillSite, TestSite } from "../../support/site.ts";

const MAIN = resolve(import.meta.dirname, "../../../src/main.ts");

let site: TestSite;
let url: string;
let directory: string;

beforeAll(async () => {
  site = await TestSite.open();
  await fillSite(site);
  url = await site.start();
  directory = await mkdtemp(join(tmpdir(), "mbd-complete-"));
  const program = join(directory, "mini-buildd");
  await writeFile(program, `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`);
  await chmod(program, 0o755);
  await writeFile(join(directory, "upload.changes"), "");
});

afterAll(async () => {
  await site?.close();
  await rm(directory, { recursive: true, force: true });
});

/** What each shell itself would offer after this line. */
const shells: Readonly<Record<string, (words: readonly string[]) => Promise<string[]>>> = {
  bash: (words) =>
    lines([
      "bash",
      "--norc",
      "-c",
      `source /usr/share/bash-completion/bash_completion; source <(mini-buildd completion bash)
       COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=\${#COMP_LINE} COMP_TYPE=9
       _mini_buildd; printf '%s\\n' "\${COMPREPLY[@]}"`,
      "bash",
      ...words,
    ]),
  fish: async (words) => {
    const script = "mini-buildd completion fish | source; complete --do-complete (string join ' ' -- $argv)";
    const offered = await lines(["fish", "--no-config", "-c", script, "--", ...words]);
    return offered.map((line) => line.split("\t")[0] ?? "");
  },
  zsh: (words) =>
    lines([
      "zsh",
      "-f",
      "-c",
      `compdef() { : }; compadd() { while [[ $1 != -- ]]; do shift; done; shift; print -l -- "$@" }; _files() { print -l -- files }
       source <(mini-buildd completion zsh)
       words=("$@") CURRENT=$#; _mini_buildd`,
      "zsh",
      ...words,
    ]),
};

test.each(Object.entries(shells))("%s offers commands, options, and what the instance has just now", async (_, offer) => {
  expect(await offer(["mini-buildd", "snapshot"])).toEqual(
    expect.arrayContaining(["snapshot_ls", "snapshot_create", "snapshot_delete", "snapshot_diff"]),
  );
  expect(await offer(["mini-buildd", "ls", "--min"])).toEqual(["--min-version"]);
  expect(await offer(["mini-buildd", "ls", "hello00"])).toContain("hello000");
  expect(await offer(["mini-buildd", "migrate", "hello000", "bookworm-team-un"])).toEqual(["bookworm-team-unstable"]);
});

test("without an instance there is nothing to offer, and no error", async () => {
  const ended = await runCommand({
    argv: [join(directory, "mini-buildd"), "--endpoint", "127.0.0.1:1", "complete", "--", "ls", "he"],
    env: { HOME: directory },
  });

  expect([ended.exitCode, ended.stdout.toString(), ended.stderr.toString()]).toEqual([0, "", ""]);
});

async function lines(argv: [string, ...string[]]): Promise<string[]> {
  const env = { HOME: directory, MINI_BUILDD_ENDPOINT: url, PATH: `${directory}:/usr/bin:/bin`, TERM: "dumb" };
  const ended = await runCommand({ argv, env, cwd: directory, timeoutMs: 120_000 });
  expect(ended.stderr.toString()).toBe("");
  return ended.stdout
    .toString()
    .split("\n")
    .filter((line) => line !== "");
}
