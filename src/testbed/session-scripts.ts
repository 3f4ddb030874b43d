import { systemCalls } from "./system-calls.ts";

/**
 * The two programs that make and keep a session. They are scripts because a host need not have a compiler, and are
 * run by what every Debian system has (dash, perl-base: both Essential).
 */

/**
 * Makes /mnt the root, takes the host's away, and becomes the first process that stays. One process of the host's does
 * all of it: a program that is looked up between the two calls would be the testbed's own (trixie's have no umount), and
 * would have the host's files before it. By number of the system call, as perl-base has no names for them.
 */
const PIVOT = `
use strict; use Config;
my ($architecture) = $Config{archname} =~ /^(\\w+)/;
my %numbers = (x86_64 => [155, 166], i386 => [217, 52], i486 => [217, 52], i586 => [217, 52], i686 => [217, 52], arm => [218, 52], powerpc64le => [203, 52], s390x => [217, 52]);
my ($pivot_root, $umount2) = @{$numbers{$architecture} // [41, 39]};
my ($here, $detach) = (".", 2);
chdir "/mnt" or die "chdir: $!\\n";
syscall($pivot_root, $here, $here) == 0 or die "pivot_root: $!\\n";
syscall($umount2, $here, $detach) == 0 or die "umount: $!\\n";
chdir "/" or die "chdir: $!\\n";
$SIG{CHLD} = "IGNORE";
syswrite STDOUT, "ready $ARGV[0]\\n";
open STDIN, "<", "/dev/null"; open STDOUT, ">", "/dev/null"; open STDERR, ">", "/dev/null";
exec "sleep", "infinity";
`;

/**
 * Puts the layers together, on /mnt, in a mount namespace of its own that belongs to the session's outer user namespace. The session
 * gets a copy of it, which belongs to the inner one: there the kernel keeps its root from making writable again what is read-only here,
 * and from taking anything away to see what is below. Runs in the store's directory. Arguments: session directory's name, lowerdir, then
 * binds: `source target ro|rw` each.
 *
 * Everything before pivot_root may meet hostile links in a layer: the worst they can do there is to mount over
 * something in this mount namespace, as no file outside is writable for our ids. Nothing is written through a layer's
 * path before the pivot. Relative paths, because the directories above the store are closed to our ids, and to keep
 * lowerdir under a page.
 *
 * "volatile": nothing that is written survives the machine anyway, unless it becomes a layer, which is made durable
 * then. Else each fsync inside, and the end of the session, would wait for the disk, and for what others write to it.
 */
export const LAYERS_SCRIPT = `
set -eu
umask 022
session=$1 lower=$2
shift 2
mkdir -m 755 "$session" "$session/upper" "$session/work" "$session/scratch"
mount -t overlay -o "userxattr,volatile,lowerdir=$lower,upperdir=$session/upper,workdir=$session/work" overlay /mnt
while [ $# -ge 3 ]; do
  [ -e "/mnt$2" ] || mkdir -p "/mnt$2"
  mount --no-canonicalize --bind "$1" "/mnt$2"
  [ "$3" = rw ] || mount -o remount,bind,ro "/mnt$2"
  shift 3
done
`;

/**
 * Runs as the first process of the session's namespaces, in the store's directory. Argument: network (none or host).
 *
 * What was mounted outside cannot become the root itself; bound once more on its own place, all of it together, it can.
 *
 * The last process is the testbed's own `sleep`: it holds nothing of the host open, and SIGCHLD ignored makes the
 * kernel reap orphans. It need not be trusted: it is killed from outside.
 */
export const INIT_SCRIPT = `
set -eu
umask 022
network=$1
read -r pid rest < /proc/self/stat
mount --no-canonicalize --rbind /mnt /mnt
mount --all --fstab mounts.fstab
if [ "$network" = none ]; then
  mount -t sysfs -o ro,nosuid,nodev,noexec sysfs /mnt/sys
  perl -MSocket -e 'socket(my $s, AF_INET, SOCK_DGRAM, 0) or die; my $up = pack("a16 s x22", "lo", 1); ioctl($s, 0x8914, $up) or die'
fi
hostname testbed
exec perl -e '${PIVOT}' "$pid"
`;

/**
 * What is mounted in every session, in one go (`mount --all` is one process). Of the host's devices these six and no
 * other; the base layer has the empty files they are bound on.
 */
export const MOUNTS_FSTAB = `
proc /mnt/proc proc nosuid,nodev,noexec 0 0
${["null", "zero", "full", "random", "urandom", "tty"].map((name) => `/dev/${name} /mnt/dev/${name} none bind 0 0`).join("\n")}
devpts /mnt/dev/pts devpts nosuid,noexec,newinstance,ptmxmode=0666,mode=620,gid=5 0 0
tmpfs /mnt/dev/shm tmpfs nosuid,nodev,mode=1777 0 0
`;

/**
 * A session keyring of its own: the daemon's is inherited by whoever it starts, across namespaces too, and gives access
 * to what its user's login has put there.
 */
const NEW_KEYRING = `syscall(${systemCalls().keyctl}, 1, 0);`;

/** Whoever needs a machine's last memory is ended by the kernel: what runs in testbeds goes before the daemon does. */
const GO_FIRST = `if (open my $score, '>', '/proc/self/oom_score_adj') { syswrite $score, '500' }`;

/** While still the daemon's user: nobody else may. */
const JOIN_GROUP = `${GO_FIRST}
if ($group ne '') { open my $members, '>', "$group/cgroup.procs" or die "$group: $!\\n"; syswrite $members, $$ or die "$group: $!\\n" }`;

/**
 * Runs outside, as the daemon's user, and outlives the daemon by a moment. Arguments: marker (for sweep to find it),
 * lifeline FIFO, session directory, control group (or nothing), how to remove the directory (arguments, up to "--"), how
 * to start the session.
 *
 * It ends the session when its standard input or the lifeline reaches end of file, which a SIGKILL of the daemon
 * brings about: kills the first process (the kernel then kills all others of the pid namespace; a hostile root inside
 * cannot prevent it), waits, removes the session's directory. "keep" on standard input leaves the directory there, "drop" does not: the last word counts.
 */
export const HOLDER_SCRIPT = `
use strict; use Fcntl;
${NEW_KEYRING}
for my $fd (3 .. 255) { if (open my $handle, '<&=', $fd) { close $handle } }
my ($marker, $lifeline, $directory, $group) = splice @ARGV, 0, 4;
my @remove; while (defined(my $argument = shift @ARGV)) { last if $argument eq '--'; push @remove, $argument }
setpgrp; $SIG{PIPE} = 'IGNORE'; $SIG{$_} = sub {} for qw(INT TERM HUP);
sysopen(my $life, $lifeline, O_RDONLY | O_NONBLOCK) or die "lifeline $lifeline: $!\\n";
pipe(my $ready, my $started) or die;
my $child = fork // die;
if (!$child) { close $ready; ${JOIN_GROUP} open STDOUT, '>&', $started; open STDIN, '<', '/dev/null'; exec @ARGV or die "$ARGV[0]: $!\\n" }
close $started;
my $line = readline $ready;
my ($first) = ($line // '') =~ /^ready (\\d+)$/;
my ($keep, $ended) = (0, 0);
sub heed { $keep = $1 eq 'keep' ? 1 : 0 while $_[0] =~ /(keep|drop)/g }
if ($first) {
  syswrite STDOUT, $line; close STDOUT;
  open STDERR, '>', '/dev/null';
  local $SIG{CHLD} = sub { $ended = 1 };
  until ($ended) {
    my $wait = ''; vec($wait, 0, 1) = 1; vec($wait, fileno $life, 1) = 1;
    select(my $is = $wait, undef, undef, 5) > 0 or next;
    if (vec($is, fileno $life, 1)) { my $read = sysread $life, my $byte, 1; last if defined $read && $read == 0 }
    if (vec($is, 0, 1)) { my $read = sysread STDIN, my $text, 64; last if !$read; heed($text) }
  }
  # Said just before it was killed.
  my $last = ''; vec($last, 0, 1) = 1;
  if ($ended && select($last, undef, undef, 0) > 0 && sysread STDIN, my $text, 64) { heed($text) }
  kill 'KILL', $first if !$ended;
} else {
  kill 'KILL', $child;
}
waitpid $child, 0;
exit($first ? 0 : 1) if $keep;
exec @remove, $directory if -e $directory;
exit($first ? 0 : 1);
`;

/**
 * Runs a program inside, from a process of the daemon's user: `--target=PID --namespaces=FLAGS --group=DIRECTORY same|own -- PROGRAM ARGUMENT…`.
 * "own" gives it a login session of its own, so that nothing inside can push input into a caller's terminal. What
 * nsenter does, in one process with what else there is to do: sbuild comes through here some 70 times a build.
 *
 * Nothing is open but the three standard descriptors, whatever the caller was started with. The namespaces are those of
 * one process, all at once; root and working directory become the root of its mount namespace, without a path being
 * opened. Ids change before anything of ours is in the process namespace, so that nobody inside can trace it there.
 *
 * Told to stop, it waits for the program, which is told too: else the machine's first process would have to reap that,
 * and where it does not (in many containers) the process namespace, and the session with it, would never end.
 */
export const ENTER_SCRIPT = `${NEW_KEYRING}
opendir my $all, "/proc/self/fd" or die;
for my $fd (grep { /^\\d+$/ && $_ > 2 && $_ != fileno $all } readdir $all) { if (open my $handle, "<&=", $fd) { close $handle } }
closedir $all;
my ($target, $namespaces, $group, $login) = splice @ARGV, 0, 5;
($target) = $target =~ /^--target=(\\d+)$/ or die "no target";
($namespaces) = $namespaces =~ /^--namespaces=(\\d+)$/ or die "no namespaces";
($group) = $group =~ /^--group=(.*)$/ or die "no group";
${JOIN_GROUP}
my $process = syscall(434, $target + 0, 0);
die "process $target: $!\\n" if $process < 0;
syscall(${systemCalls().setns}, $process, $namespaces + 0) == 0 or die "entering the namespaces of $target: $!\\n";
$) = '0 0'; $( = 0; $< = 0; $> = 0;
die "ids: $!\\n" unless $< == 0 && $> == 0 && $( == 0 && $) == 0;
my $child = fork // die "fork: $!\\n";
if (!$child) {
  syscall(${systemCalls().setsid}) if $login eq 'own';
  exec { $ARGV[0] } @ARGV;
  my $status = $! == 2 ? 127 : 126;
  print STDERR "$ARGV[0]: $!\\n";
  exit $status;
}
$SIG{$_} = sub { kill $_[0], $child if $login eq 'own' } for qw(HUP INT TERM WINCH);
1 while waitpid($child, 0) == -1 && $! == 4;
if (my $signal = $? & 127) { $SIG{$_} = 'DEFAULT' for qw(HUP INT TERM); kill $signal, $$; exit 128 + $signal }
exit($? >> 8);
`;
