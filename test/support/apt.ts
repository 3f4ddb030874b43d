import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EndedCommand, runCommand } from "../../src/runtime/index.ts";

/**
 * apt in a private root that shares nothing with the host: no configuration, lists, keys or packages. Strict: Date,
 * Valid-Until and every error count.
 */
export interface AptRoot {
  readonly path: string;
  /** Any apt tool: run("apt-get", "update"). Never throws; look at exitCode. */
  run(program: string, ...args: string[]): Promise<EndedCommand>;
  /** Like run, but throws on failure; returns standard output. */
  must(program: string, ...args: string[]): Promise<string>;
  dispose(): Promise<void>;
}

export interface AptRootOptions {
  /** Text of a deb822 `.sources` file. */
  readonly sources: string;
  readonly architecture?: string;
  /** Lines of apt.conf. */
  readonly configuration?: readonly string[];
}

/** A deb822 source with the key inline. */
export function aptSource(options: {
  readonly uri: string;
  readonly suites: readonly string[];
  readonly components: readonly string[];
  readonly armoredKey: string;
}): string {
  const { uri, suites, components, armoredKey } = options;
  const key = armoredKey
    .trim()
    .split("\n")
    .map((line) => ` ${line === "" ? "." : line}`)
    .join("\n");
  return `Types: deb deb-src\nURIs: ${uri}\nSuites: ${suites.join(" ")}\nComponents: ${components.join(" ")}\nSigned-By:\n${key}\n`;
}

export async function makeAptRoot(options: AptRootOptions): Promise<AptRoot> {
  const path = await mkdtemp(join(tmpdir(), "mbd-apt-"));
  const directories = ["etc/apt.conf.d", "etc/preferences.d", "etc/trusted.gpg.d", "etc/sources.list.d", "state/lists/partial"];
  for (const name of [...directories, "cache/archives/partial", "log", "work"])
    await mkdir(join(path, name), { recursive: true });
  await writeFile(join(path, "state/status"), "");
  await writeFile(join(path, "etc/sources.list.d/test.sources"), options.sources);
  await writeFile(join(path, "apt.conf"), aptConfiguration(path, options));

  const run = (program: string, ...args: string[]): Promise<EndedCommand> =>
    runCommand({
      argv: [program, ...args],
      cwd: join(path, "work"),
      env: { APT_CONFIG: join(path, "apt.conf"), HOME: path, TMPDIR: tmpdir() },
      timeoutMs: 120_000,
    });
  return {
    path,
    run,
    must: async (program, ...args) => {
      const ended = await run(program, ...args);
      if (ended.exitCode === 0) return ended.stdout.toString("utf8");
      throw new Error(`${program} ${args.join(" ")} failed:\n${ended.stdout.toString("utf8")}${ended.stderr.toString("utf8")}`);
    },
    dispose: () => rm(path, { recursive: true, force: true }),
  };
}

/**
 * The file that APT_CONFIG names is read before the host's parts would be, so it can point those elsewhere: command
 * line options come too late for that.
 */
export function aptConfiguration(path: string, options: Omit<AptRootOptions, "sources"> = {}): string {
  const { architecture = "amd64" } = options;
  return `${[
    `Dir "${path}";`,
    `Dir::Etc "etc"; Dir::Etc::main "none"; Dir::Etc::parts "apt.conf.d";`,
    `Dir::Etc::sourcelist "/dev/null"; Dir::Etc::sourceparts "sources.list.d";`,
    `Dir::Etc::trusted "/dev/null"; Dir::Etc::trustedparts "trusted.gpg.d";`,
    `Dir::Etc::preferences "/dev/null"; Dir::Etc::preferencesparts "preferences.d";`,
    `Dir::State "state"; Dir::State::status "${path}/state/status"; Dir::Cache "cache"; Dir::Log "log";`,
    `Dir::Bin::Methods "/usr/lib/apt/methods"; Dir::Bin::dpkg "/usr/bin/dpkg";`,
    `APT::Architecture "${architecture}"; APT::Architectures { "${architecture}"; };`,
    `APT::Sandbox::User "";`,
    `Acquire::Check-Date "true"; Acquire::Check-Valid-Until "true"; Acquire::Languages "none"; Acquire::Retries "0";`,
    `Acquire::http::Proxy "DIRECT"; Acquire::AllowInsecureRepositories "false";`,
    `APT::Update::Error-Mode "any"; APT::Get::Assume-Yes "true"; APT::Install-Recommends "false";`,
    `Debug::NoLocking "true"; quiet "1"; Dpkg::Use-Pty "0";`,
    ...(options.configuration ?? []),
  ].join("\n")}\n`;
}
