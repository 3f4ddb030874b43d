/**
 * Turns build dependencies into the control file of a binary package, as sbuild's ResolverBase.pm does for its
 * "apt" resolver, with the release's own Dpkg::Deps: architectures, profiles and :native are resolved, all but the
 * first alternative dropped (unless the alternatives are versions of one package), conflicts united.
 *
 * Runs inside an offline session: what it parses is hostile. Arguments: architecture, profiles, positive relations,
 * negative relations, "all" to keep every alternative. Exit status 3: the relations cannot be parsed.
 */
export const RELATIONS_SCRIPT = `
use strict; use warnings;
use Dpkg::Deps;
my ($architecture, $profiles, $positive_text, $negative_text, $alternatives) = @ARGV;
my @options = (reduce_arch => 1, host_arch => $architecture, build_arch => $architecture, build_dep => 1,
  reduce_profiles => 1, build_profiles => [split / /, $profiles]);
my $positive = deps_parse($positive_text, @options);
my $negative = deps_parse($negative_text, @options, union => 1);
if (!defined $positive) { print STDERR "Build-Depends cannot be parsed: $positive_text\\n"; exit 3 }
if (!defined $negative) { print STDERR "Build-Conflicts cannot be parsed: $negative_text\\n"; exit 3 }
my $drop_native = sub { my ($relation) = @_; $relation->{archqual} = undef if ($relation->{archqual} // '') eq 'native'; 1 };
deps_iterate($positive, $drop_native);
deps_iterate($negative, $drop_native);
my $filtered = Dpkg::Deps::AND->new();
for my $item ($positive->get_deps()) {
  my ($first, @others) = $item->get_deps();
  my $kept = Dpkg::Deps::OR->new();
  $kept->add($first) if defined $first;
  for my $other (@others) { last if $alternatives ne 'all' && $first->{package} ne $other->{package}; $kept->add($other) }
  $filtered->add($kept);
}
print "Package: mini-buildd-build-depends\\nVersion: 0.invalid.0\\nArchitecture: $architecture\\n";
print "Depends: $filtered\\n" if "$filtered" ne '';
print "Conflicts: $negative\\n" if "$negative" ne '';
print "Maintainer: mini-buildd\\nDescription: what a build needs\\n";
`;
