import { commandError } from "../runtime/index.ts";
import type { Session } from "./session.ts";

/** A version that apt would not choose by itself: another one of the package has a higher priority. */
export interface NeededVersion {
  readonly name: string;
  readonly version: string;
  /** The relation that no candidate satisfies. */
  readonly relation: string;
  /** What apt would have chosen, "none" when nothing. */
  readonly candidate: string;
}

/**
 * apt installs candidates only, and one version a package: with our distributions at priority 1, what needs a version
 * that the base does not have is not installable for it (apt 2.6 and 3.0; aptitude and apt's 3.0 solver with
 * Strict-Pinning=false weigh every version, but only newer releases have those). This finds the versions beside the
 * candidates that something wanted cannot do without: along the candidates' own dependencies, a version is taken where no
 * alternative has a candidate that satisfies. What it finds is pinned, and apt asked again: apt decides.
 *
 * Runs in an offline session, by the release's own tools. Input: the control file that RELATIONS_SCRIPT made. Output:
 * name, version, relation, candidate, a line each, by tabs. Versions of negative priority are never taken.
 */
const NEEDED_SCRIPT = `
use strict; use warnings; use Dpkg::Deps; use Dpkg::Version;
my ($architecture) = @ARGV;
my $control = do { local $/; <STDIN> };
my ($wanted) = $control =~ /^Depends: (.*)$/m; exit 0 if !defined $wanted;
my (%versions, %fields, %chosen, %followed);
sub read_command { open(my $pipe, '-|', @_) or die "$_[0]: $!\\n"; local $/; my $text = <$pipe>; close $pipe; $text // '' }
sub load_packages {
  my @names = grep { !exists $versions{$_} } @_; return if !@names; $versions{$_} = [] for @names;
  my $name = '';
  for my $line (split /\\n/, read_command('apt-cache', 'policy', '--', @names)) {
    if ($line =~ /^(\\S+):$/) { $name = $1 =~ s/:.*//r }
    elsif ($line =~ /^  Candidate: (\\S+)$/) { $chosen{$name} = $1 if $1 ne '(none)' }
    elsif ($line =~ /^ (?:\\*\\*\\*|   ) (\\S+) (-?\\d+)/) { push @{$versions{$name}}, [$1, $2] }
  }
  for my $stanza (split /\\n\\n/, read_command('apt-cache', 'show', '--', @names)) {
    my %field = $stanza =~ /^(Package|Version|Depends|Pre-Depends): (.*)$/mg;
    next if !defined $field{Package} || !defined $field{Version};
    $fields{$field{Package}}{$field{Version}} //= join(', ', grep { defined } @field{'Pre-Depends', 'Depends'});
  }
}
sub relations_of {
  my $parsed = deps_parse($_[0], reduce_arch => 1, host_arch => $architecture, build_arch => $architecture);
  defined $parsed ? $parsed->get_deps() : ();
}
sub satisfies {
  my ($version, $relation) = @_;
  return 1 if !defined $relation->{relation};
  my $parsed = Dpkg::Version->new($version, check => 0);
  version_compare_relation($parsed, $relation->{relation}, $relation->{version});
}
my @queue = relations_of($wanted);
while (@queue) {
  load_packages(map { $_->{package} } map { $_->get_deps() } @queue);
  my @next;
  for my $item (splice @queue) {
    my @alternatives = $item->get_deps();
    # Of a name that no package has, apt knows who provides it.
    next if grep { !@{$versions{$_->{package}}} } @alternatives;
    my ($good) = grep { defined $chosen{$_->{package}} && satisfies($chosen{$_->{package}}, $_) } @alternatives;
    for my $other ($good ? () : @alternatives) {
      my $name = $other->{package};
      my @better = sort { $b->[1] <=> $a->[1] || version_compare($b->[0], $a->[0]) }
        grep { $_->[1] >= 0 && satisfies($_->[0], $other) } @{$versions{$name}};
      next if !@better;
      print join("\\t", $name, $better[0][0], "$other", $chosen{$name} // 'none'), "\\n";
      $chosen{$name} = $better[0][0]; $good = $other; last;
    }
    next if !$good;
    my ($name, $version) = ($good->{package}, $chosen{$good->{package}});
    next if $followed{$name}{$version}++;
    push @next, relations_of($fields{$name}{$version} // '');
  }
  @queue = @next;
}
`;

const SEARCH_TIMEOUT_MS = 5 * 60 * 1000;
/** Above what a release has, so that exactly this version is the candidate. */
const NEEDED_PRIORITY = 995;

/** The last word of a package counts: a version may have been found not to be enough. */
export async function findNeededVersions(
  session: Session,
  options: { readonly architecture: string; readonly control: Uint8Array; readonly signal?: AbortSignal | undefined },
): Promise<NeededVersion[]> {
  const { architecture, control, signal } = options;
  const argv = ["perl", "-e", NEEDED_SCRIPT, architecture] as const;
  const ended = await session.run({ argv, input: control, timeoutMs: SEARCH_TIMEOUT_MS, signal });
  signal?.throwIfAborted();
  if (ended.exitCode !== 0) throw commandError(["perl"], ended);

  const lines = ended.stdout.toString("utf8").split("\n");
  const found = lines.filter((line) => line !== "").map((line) => line.split("\t"));
  const needed = found.map(([name = "", version = "", relation = "", candidate = ""]) => ({
    name,
    version,
    relation,
    candidate,
  }));
  return [...new Map(needed.map((version) => [version.name, version])).values()];
}

/** Makes these the candidates of the session's apt. */
export async function pinNeededVersions(session: Session, needed: readonly NeededVersion[]): Promise<void> {
  const stanzas = needed.map(
    ({ name, version }) => `Package: ${name}\nPin: version ${version}\nPin-Priority: ${NEEDED_PRIORITY}\n`,
  );
  const path = "/etc/apt/preferences.d/00-mini-buildd-needed.pref";
  await session.runChecked({ argv: ["sh", "-ec", 'cat > "$1"', "sh", path], input: stanzas.join("\n") });
}

export function describeNeeded({ name, version, relation, candidate }: NeededVersion): string {
  return `${name} ${version} is taken although its priority is lower: nothing else satisfies "${relation}" (else it would be ${candidate})`;
}
