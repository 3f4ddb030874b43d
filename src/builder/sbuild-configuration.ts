import type { BuildOrder } from "../buildorder/index.ts";
import { packageFailed } from "./ending.ts";
import type { BuildScope, PreparedCompilerCache, PreparedTestbed } from "./environment.ts";

/** One word of DEB_BUILD_OPTIONS or a build profile: it comes from the uploader's changelog. */
const OPTION = /^[A-Za-z0-9][A-Za-z0-9+.=_,/-]{0,200}$/;
/** Newer versions of sbuild build here by default; a fixed path makes results that contain it reproducible. */
export const BUILD_PATH = "/build/reproducible-path";

/** As sbuild's own default. */
const BUILD_PROGRAM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/games";

export interface SbuildSetting {
  /** How much is built at once. */
  readonly jobs?: number | undefined;
  readonly compilerCache?: Pick<PreparedCompilerCache, "programDirectory" | "variables"> | undefined;
}

/** The `.sbuildrc` of one build: everything that has no option on the command line. Perl, so every value is quoted. */
export function formatSbuildConfiguration(order: BuildOrder, { jobs, compilerCache }: SbuildSetting = {}): string {
  const options = buildOptions(order, jobs);
  const environment = {
    ...(options.length === 0 ? {} : { DEB_BUILD_OPTIONS: options.join(" ") }),
    ...compilerCache?.variables,
  };
  // Ours watches silence and kills the whole session; sbuild's own must not come first.
  const stalledMinutes = Math.ceil(order.limits.silenceTimeoutMs / 60_000) + 60;
  return [
    "$build_user = 'sbuild';",
    // Some commands run as the user that runs sbuild, whom a testbed does not know. No option sets that; the file is
    // Perl evaluated inside sbuild, and in a version where this is not possible it is not harmful.
    "eval q{$conf->set('USERNAME', 'sbuild')};",
    // Else what runs outside of dpkg-buildpackage has no PATH in this mode of sbuild.
    "$environment_filter = [(map { \"^$_\\$\" } Dpkg::BuildInfo::get_build_env_allowed()), '^PATH$'];",
    "$mailto = '';",
    "$log_colour = 0;",
    "$purge_build_directory = 'never';",
    "$purge_build_deps = 'never';",
    "$purge_session = 'always';",
    "$clean_source = 0;",
    "$key_id = undef;",
    `$stalled_pkg_timeout = ${stalledMinutes};`,
    `$build_path = ${perlString(BUILD_PATH)};`,
    `$build_environment = { ${perlPairs(environment)} };`,
    ...(compilerCache === undefined ? [] : [`$path = ${perlString(`${compilerCache.programDirectory}:${BUILD_PROGRAM_PATH}`)};`]),
    ...(order.eatmydata === true ? ["$build_env_cmnd = '/usr/bin/eatmydata';"] : []),
    ...externalCommands(order, compilerCache),
    "1;",
    "",
  ].join("\n");
}

/** The uploader's own `parallel=` counts. Without any, dpkg-buildpackage takes every processor, which others use too. */
export function buildOptions({ debBuildOptions }: BuildOrder, jobs: number | undefined): readonly string[] {
  const isGiven = debBuildOptions.some((option) => /^parallel(=|$)/.test(option));
  return jobs === undefined || isGiven ? debBuildOptions : [...debBuildOptions, `parallel=${jobs}`];
}

/** Run by root in the testbed. sbuild replaces words that begin with a percent sign. */
function externalCommands({ setupScript }: BuildOrder, compilerCache: SbuildSetting["compilerCache"]): string[] {
  const commands = {
    ...(setupScript === undefined ? {} : { "chroot-setup-commands": setupCommand(setupScript) }),
    ...(compilerCache === undefined ? {} : { "finished-build-commands": statisticsCommand(compilerCache.variables) }),
  };
  const entries = Object.entries(commands).map(
    ([stage, command]) => `${perlString(stage)} => [ ${perlString(command.replaceAll("%", "%%"))} ]`,
  );
  if (entries.length === 0) return [];
  return [
    `$external_commands = { ${entries.join(", ")} };`,
    "$log_external_command_output = 1;",
    "$log_external_command_error = 1;",
  ];
}

/** Of this build alone. Also of one that failed, which it must not make fail otherwise. */
function statisticsCommand(variables: Readonly<Record<string, string>>): string {
  const assignments = Object.entries(variables).map(([name, value]) => shellWord(`${name}=${value}`));
  return `runuser -u sbuild -- env ${assignments.join(" ")} ccache --show-stats || :`;
}

/**
 * As a file, so that its first line can name an interpreter. One text for the shell: what sbuild makes of a list differs
 * between its versions.
 */
function setupCommand(script: string): string {
  const text = script.startsWith("#!") ? script : `#!/bin/sh -e\n${script}`;
  const path = "/tmp/mini-buildd-setup";
  return `printf '%s\\n' ${shellWord(text)} > ${path} && chmod 755 ${path} && exec ${path}`;
}

function shellWord(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** The testbed has all dependencies and no network, so sbuild resolves, updates and checks nothing itself. */
export function sbuildArguments(options: {
  readonly order: BuildOrder;
  readonly scope: BuildScope;
  readonly virtServer: PreparedTestbed["virtServer"];
  readonly dscPath: string;
  readonly resultPath: string;
}): string[] {
  const { order, scope, virtServer } = options;
  return [
    "--chroot-mode=autopkgtest",
    `--autopkgtest-virt-server=${virtServer.program}`,
    ...virtServer.args.map((argument) => `--autopkgtest-virt-server-opt=${argument.replaceAll("%", "%%")}`),
    "--build-dep-resolver=null",
    "--no-apt-update",
    "--no-apt-upgrade",
    "--no-apt-distupgrade",
    "--no-run-lintian",
    "--no-run-piuparts",
    "--no-run-autopkgtest",
    "--no-source",
    "--nolog",
    `--dist=${order.distribution}`,
    `--arch=${order.architecture}`,
    scope.all ? "--arch-all" : "--no-arch-all",
    scope.any ? "--arch-any" : "--no-arch-any",
    ...(order.binNmu === undefined ? [] : [`--binNMU-changelog=${order.binNmu.changelogEntry}`]),
    ...(order.debBuildProfiles.length === 0 ? [] : [`--profiles=${order.debBuildProfiles.join(",")}`]),
    `--build-dir=${options.resultPath}`,
    options.dscPath,
  ];
}

/** Throws the build's end when an option cannot be passed on. */
export function checkBuildOptions(order: BuildOrder): void {
  const bad = [...order.debBuildOptions, ...order.debBuildProfiles].find((option) => !OPTION.test(option));
  if (bad !== undefined) throw packageFailed(`${JSON.stringify(bad)} is not a valid build option or profile`, "source");
}

function perlPairs(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${perlString(name)} => ${perlString(value)}`)
    .join(", ");
}

function perlString(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
