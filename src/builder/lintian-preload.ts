/**
 * lintian in two parts: first it loads what it is made of, then it waits for the names of the files. Two thirds of the
 * time that it takes for a small package are the first part, which so can be over when the package is built.
 *
 * The second half of that is lintian's own: with `--packages-from-file=-` it reads its profile before the names. The
 * first is this script: it loads the modules of the checks, each under the name by which lintian asks for it later, and
 * then is lintian. What fails to load here is left for lintian to fail on.
 */
const PRELOAD_SCRIPT = `
use strict;
require Cwd; require File::Find; require File::Basename;
my $program = Cwd::realpath('/usr/bin/lintian');
my $base = File::Basename::dirname(File::Basename::dirname($program));
{
  local $SIG{__WARN__} = sub {};
  local @INC = (File::Basename::dirname($program) . '/../lib', @INC);
  my @checks;
  my @directories = grep { -d } "$base/lib/Lintian/Check", "$base/checks";
  File::Find::find({ no_chdir => 1, wanted => sub { push @checks, $File::Find::name if /\\.pm$/ } }, @directories) if @directories;
  for my $check (sort @checks) { eval { require $check; 1 } or delete $INC{$check} }
  Sub::Defer::undefer_all() if defined &Sub::Defer::undefer_all;
}
do $program;
die $@ if $@;
die "$program: $!\\n";
`;

/** Names of files are expected on standard input, one a line. */
export function lintianCommand(options: readonly string[]): [string, ...string[]] {
  return ["perl", "-e", PRELOAD_SCRIPT, "--", ...options, "--packages-from-file=-"];
}
