/**
 * What sbuild and autopkgtest start as their virtualisation server: it hands on what they say to the process that has
 * the testbeds, by a socket, and what comes back to them. A server of its own would need as long to start as everything
 * else in the session of a small package.
 *
 * Arguments: socket, words for the server's first line. The server's lines begin with what they are: ">" an answer, "!" a
 * message for people, "=" the exit status, the last. Without the last the server is gone, and so is its session.
 */
export const RELAY_SCRIPT = `
use strict; use Socket;
my ($path, @words) = @ARGV;
$| = 1; $SIG{PIPE} = 'IGNORE';
sub fail { print STDERR "mini-buildd virtualisation server: $_[0]\\n"; exit 16 }
socket(my $server, AF_UNIX, SOCK_STREAM, 0) or fail("socket: $!");
connect($server, pack_sockaddr_un($path)) or fail("$path: $!");
my ($stopped, $hears, $received) = (0, 1, '');
my %numbers = (HUP => 1, INT => 2, TERM => 15);
for my $name (keys %numbers) { $SIG{$name} = sub { $stopped = $numbers{$name}; shutdown $server, 1; $hears = 0 } }
send_all(join(' ', @words) . "\\n");
while (1) {
  my $wait = ''; vec($wait, fileno $server, 1) = 1; vec($wait, 0, 1) = 1 if $hears;
  select(my $is = $wait, undef, undef, undef) > 0 or next;
  if ($hears && vec($is, 0, 1)) {
    my $count = sysread STDIN, my $text, 65536;
    if ($count) { send_all($text) } elsif (defined $count || !$!{EINTR}) { $hears = 0; shutdown $server, 1 }
  }
  if (vec($is, fileno $server, 1)) {
    my $count = sysread $server, $received, 65536, length $received;
    fail('it is gone') if defined $count ? !$count : !$!{EINTR};
    while ($received =~ s/^(.)([^\\n]*)\\n//) {
      if ($1 eq '>') { print STDOUT "$2\\n" }
      elsif ($1 eq '!') { print STDERR "$2\\n" }
      else { exit($stopped ? 128 + $stopped : $2) }
    }
  }
}
sub send_all { my ($text) = @_; while (length $text) { my $count = syswrite $server, $text; return if !defined $count; substr($text, 0, $count) = '' } }
`;
