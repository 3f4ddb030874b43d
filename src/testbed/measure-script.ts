import { statfsCall, systemCalls } from "./system-calls.ts";

/**
 * Measures sessions from outside, as the daemon's user: for each line of first processes on standard input, a line
 * `FIRST KIB COUNT` for each, memory and processes with threads, and a last one `end AVAILABLE TOTAL` of the machine.
 * After "members" on the line, also their numbers. Arguments: first of our subordinate uids, how many, memory limit in KiB.
 *
 * A process is of the session whose process namespace it is in; one in a namespace made inside is of the session that
 * its ancestors are of. Memory is what no file backs, which counts what processes share for each of them; only when
 * that is over the limit the kernel is asked for fair shares, which takes it much longer. Files in /dev/shm are memory too.
 */
export const MEASURE_SCRIPT = `
use strict; use POSIX ();
my ($uid_start, $uid_count, $limit) = @ARGV;
my $page = POSIX::sysconf(POSIX::_SC_PAGESIZE()) / 1024;
$| = 1; $SIG{PIPE} = 'DEFAULT';
sub slurp { open my $file, '<', $_[0] or return ''; local $/; my $text = <$file>; return $text // '' }
sub shared_files {
  my ($first) = @_;
  my ($path, $buffer) = ("/proc/$first/root/dev/shm", "\\0" x 256);
  return 0 if !${statfsCall() ?? 0} || syscall(${statfsCall() ?? 0}, $path, $buffer) != 0;
  my ($type, $block, $blocks, $free) = unpack 'q4', $buffer;
  return $type == 0x01021994 ? ($blocks - $free) * $block / 1024 : 0;
}
while (defined(my $line = <STDIN>)) {
  my @firsts = split ' ', $line;
  my $with_members = $firsts[0] eq 'members' && shift @firsts;
  my (%session_of_namespace, %session, %parent, %threads);
  for my $first (@firsts) { my $namespace = readlink "/proc/$first/ns/pid" or next; $session_of_namespace{$namespace} = $first }
  opendir my $all, '/proc' or exit 1;
  for my $id (grep { /^[0-9]+$/ } readdir $all) {
    my $uid = (stat "/proc/$id")[4];
    next if !defined $uid || $uid < $uid_start || $uid >= $uid_start + $uid_count;
    my ($parent, $threads) = (split ' ', slurp("/proc/$id/stat") =~ s/^.*\\)//sr)[1, 17];
    next if !defined $threads;
    ($parent{$id}, $threads{$id}) = ($parent, $threads);
    my $namespace = readlink "/proc/$id/ns/pid";
    $session{$id} = $session_of_namespace{$namespace} if defined $namespace;
  }
  closedir $all;
  my (%kib, %count, %members);
  for my $id (keys %parent) {
    my ($ancestor, $steps) = ($id, 0);
    $ancestor = $parent{$ancestor} while !defined $session{$ancestor} && exists $parent{$ancestor} && $steps++ < 4096;
    my $first = $session{$ancestor} // next;
    my ($resident, $shared) = (split ' ', slurp("/proc/$id/statm"))[1, 2];
    $kib{$first} += (($resident // 0) - ($shared // 0)) * $page;
    $count{$first} += $threads{$id};
    push @{$members{$first}}, $id;
  }
  for my $first (@firsts) {
    my $shared = shared_files($first);
    my $kib = ($kib{$first} // 0) + $shared;
    if ($kib > $limit) {
      $kib = $shared;
      for my $id (@{$members{$first}}) { $kib += $1 if slurp("/proc/$id/smaps_rollup") =~ /^Pss_Anon: +([0-9]+)/m }
    }
    print join(' ', $first, int $kib, $count{$first} // 0, $with_members ? @{$members{$first} // []} : ()), "\\n";
  }
  my $memory = slurp('/proc/meminfo');
  my ($available) = $memory =~ /^MemAvailable: +([0-9]+)/m;
  my ($total) = $memory =~ /^MemTotal: +([0-9]+)/m;
  print "end $available $total\\n";
}
`;

/**
 * Prints how many bytes the files have that a session deleted and has still open. Argument: its first process; on
 * standard input the numbers of all. Who has what open may only be asked from within its user namespace; nobody inside
 * can do anything to this process, as it is in no other of the session's namespaces.
 */
export const DELETED_FILES_SCRIPT = `
use strict;
my ($first) = @ARGV;
my $process = syscall(434, $first + 0, 0);
die "process $first: $!\\n" if $process < 0;
syscall(${systemCalls().setns}, $process, 0x10000000) == 0 or die "its user namespace: $!\\n";
my %blocks;
for my $id (split ' ', do { local $/; <STDIN> }) {
  opendir(my $open, "/proc/$id/fd") or next;
  for my $number (grep { /^[0-9]+$/ } readdir $open) {
    my ($device, $inode, $links, $blocks) = (stat "/proc/$id/fd/$number")[0, 1, 3, 12];
    $blocks{"$device $inode"} = $blocks if defined $links && $links == 0 && -f _;
  }
}
my $sum = 0;
$sum += 512 * $_ for values %blocks;
print "$sum\\n";
`;
