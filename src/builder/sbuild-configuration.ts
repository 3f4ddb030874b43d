import type { BuildOrder } from "../buildorder/index.ts";
import { packageFailed } from "./ending.ts";
import type { BuildScope, PreparedTestbed } from "./environment.ts";

/** One word of DEB_BUILD_OPTIONS or a build profile: it comes from the uploader's changelog. */
const OPTION = /^[A-Za-z0-9][A-Za-z0-9+.=_,/-]{0,200}$/;
/** Newer versions of sbuild build here by default; a fixed path makes results that contain it reproducible. */
const BUILD_PATH = "/build/reproducible-path";

/** The `.sbuildrc` of one build: everything that has no option on the command line. Perl, so every value is quoted. */
export function formatSbuildConfiguration(order: BuildOrder): string {
  const environment =
    order.debBuildOptions.length === 0 ? "" : `'DEB_BUILD_OPTIONS' => ${perlString(order.debBuildOptions.join(" "))}`;
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
    `$build_environment = { ${environment} };`,
    "1;",
    "",
  ].join("\n");
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

function perlString(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
