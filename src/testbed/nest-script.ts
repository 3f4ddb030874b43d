import { systemCalls } from "./system-calls.ts";

const { prctl, prlimit64, unshare } = systemCalls();
/** As clone(2) has it. */
const MOUNT_NAMESPACE = 0x00020000;

/**
 * Runs as root of a user namespace with the testbeds' ids, and starts a program as first process of the session's own
 * namespaces, a user namespace with the same ids inside of that among them. Arguments: flags of the namespaces, most
 * processes (and threads) that there may be, number of words of a command that is run before in a mount namespace of the outer
 * one, that command, program and its arguments.
 *
 * The kernel holds everybody in a user namespace, its root too, to the RLIMIT_NPROC of the process that made it, and
 * counts all of them for that process's user in the namespace it was made from (Linux 5.14). That one is this session's
 * alone: hence the two. Each process here dies with the one that started it.
 */
export const NEST_SCRIPT = `
use strict;
my ($namespaces, $processes, $words) = splice @ARGV, 0, 3;
my @before = splice @ARGV, 0, $words;
sub die_with_parent { syscall(${prctl}, 1, 9, 0, 0, 0) }
die_with_parent();
syscall(${unshare}, ${MOUNT_NAMESPACE}) == 0 or die "mount namespace: $!\\n";
system(@before) == 0 or exit 1;
pipe(my $made, my $tell_made) or die "pipe: $!\\n";
pipe(my $mapped, my $tell_mapped) or die "pipe: $!\\n";
my $inner = fork // die "fork: $!\\n";
if (!$inner) {
  close $made; close $tell_mapped;
  die_with_parent();
  my $limit = pack 'QQ', $processes, $processes;
  syscall(${prlimit64}, 0, 6, $limit, 0) == 0 or die "limit of processes: $!\\n";
  syscall(${unshare}, $namespaces + 0) == 0 or die "namespaces: $!\\n";
  die_with_parent();
  syswrite $tell_made, '.';
  sysread($mapped, my $byte, 1) or die "no ids\\n";
  my $first = fork // die "fork: $!\\n";
  if (!$first) { die_with_parent(); close $tell_made; close $mapped; exec { $ARGV[0] } @ARGV or die "$ARGV[0]: $!\\n" }
  waitpid $first, 0;
  exit($? == 0 ? 0 : 1);
}
close $tell_made; close $mapped;
if (sysread $made, my $byte, 1) {
  for my $map (qw(uid_map gid_map)) {
    open my $file, '>', "/proc/$inner/$map" or die "$map: $!\\n";
    syswrite $file, "0 0 65536\\n" or die "$map: $!\\n";
  }
  syswrite $tell_mapped, '.';
}
waitpid $inner, 0;
exit($? == 0 ? 0 : 1);
`;
