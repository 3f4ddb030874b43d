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
exec "/usr/bin/sleep", "infinity";
`;

/**
 * Runs as the first process of the session's namespaces, in the store's directory. Arguments: session directory's
 * name, lowerdir, network (none or host), then binds: `source target ro|rw` each.
 *
 * Everything before pivot_root may meet hostile links in a layer: the worst they can do there is to mount over
 * something in this mount namespace, as no file outside is writable for our ids. Nothing is written through a layer's
 * path before the pivot. Relative paths, because the directories above the store are closed to our ids, and to keep
 * lowerdir under a page.
 *
 * The last process is the testbed's own `sleep`: it holds nothing of the host open, and SIGCHLD ignored makes the
 * kernel reap orphans. It need not be trusted: it is killed from outside.
 */
export const INIT_SCRIPT = `
set -eu
umask 022
session=$1 lower=$2 network=$3
shift 3
mkdir -m 755 "$session" "$session/upper" "$session/work" "$session/scratch"
mount -t overlay -o "userxattr,lowerdir=$lower,upperdir=$session/upper,workdir=$session/work" overlay /mnt
read -r pid rest < /proc/self/stat
while [ $# -ge 3 ]; do
  [ -e "/mnt$2" ] || mkdir -p "/mnt$2"
  mount --no-canonicalize --bind "$1" "/mnt$2"
  [ "$3" = rw ] || mount -o remount,bind,ro "/mnt$2"
  shift 3
done
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
 * to what its user's login has put there. By number of the system call, as no program for it is on every system.
 */
const NEW_KEYRING = `
use Config;
my %keyctl = (x86_64 => 250, aarch64 => 219, riscv64 => 219, loongarch64 => 219, powerpc64le => 271, s390x => 280, i686 => 288, arm => 311);
my ($architecture) = $Config{archname} =~ /^(\\w+)/;
$architecture = 'i686' if $architecture eq 'i386';
if (my $number = $keyctl{$architecture}) { syscall $number, 1, 0 }
`;

/**
 * Runs outside, as the daemon's user, and outlives the daemon by a moment. Arguments: marker (for sweep to find it),
 * lifeline FIFO, session directory, how to remove it (arguments, up to "--"), how to start the session.
 *
 * It ends the session when its standard input or the lifeline reaches end of file, which a SIGKILL of the daemon
 * brings about: kills the first process (the kernel then kills all others of the pid namespace; a hostile root inside
 * cannot prevent it), waits, removes the session's directory. "keep" on standard input leaves the directory there.
 */
export const HOLDER_SCRIPT = `
use strict; use Fcntl;
${NEW_KEYRING}
for my $fd (3 .. 255) { if (open my $handle, '<&=', $fd) { close $handle } }
my ($marker, $lifeline, $directory) = splice @ARGV, 0, 3;
my @remove; while (defined(my $argument = shift @ARGV)) { last if $argument eq '--'; push @remove, $argument }
setpgrp; $SIG{PIPE} = 'IGNORE'; $SIG{$_} = sub {} for qw(INT TERM HUP);
sysopen(my $life, $lifeline, O_RDONLY | O_NONBLOCK) or die "lifeline $lifeline: $!\\n";
pipe(my $ready, my $started) or die;
my $child = fork // die;
if (!$child) { close $ready; open STDOUT, '>&', $started; open STDIN, '<', '/dev/null'; exec @ARGV or die "$ARGV[0]: $!\\n" }
close $started;
my $line = readline $ready;
my ($first) = ($line // '') =~ /^ready (\\d+)$/;
my ($keep, $ended) = (0, 0);
if ($first) {
  syswrite STDOUT, $line; close STDOUT;
  open STDERR, '>', '/dev/null';
  local $SIG{CHLD} = sub { $ended = 1 };
  until ($ended) {
    my $wait = ''; vec($wait, 0, 1) = 1; vec($wait, fileno $life, 1) = 1;
    select(my $is = $wait, undef, undef, 5) > 0 or next;
    if (vec($is, fileno $life, 1)) { my $read = sysread $life, my $byte, 1; last if defined $read && $read == 0 }
    if (vec($is, 0, 1)) { my $read = sysread STDIN, my $text, 64; last if !$read; $keep = 1 if $text =~ /keep/ }
  }
  kill 'KILL', $first if !$ended;
} else {
  kill 'KILL', $child;
}
waitpid $child, 0;
exit($first ? 0 : 1) if $keep;
exec @remove, $directory if -e $directory;
exit($first ? 0 : 1);
`;

/** Run a program with nothing open but the three standard descriptors, whatever the caller was started with. */
export const CLOSE_SCRIPT = `${NEW_KEYRING}
opendir my $all, "/proc/self/fd" or die;
for my $fd (grep { /^\\d+$/ && $_ > 2 && $_ != fileno $all } readdir $all) { if (open my $handle, "<&=", $fd) { close $handle } }
exec @ARGV or die "$ARGV[0]: $!\\n";
`;
