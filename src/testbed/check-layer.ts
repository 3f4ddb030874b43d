import { AppError } from "../runtime/index.ts";
import type { DependencyContext } from "./dependency-layer.ts";
import { fetchPackages, withInstalled } from "./install-packages.ts";
import { findRecipe } from "./layer-recipe.ts";
import { ensureLists } from "./lists-layer.ts";
import type { LayerCheck, LayerMakingOptions } from "./types.ts";

const DIFFERENCES_MAX = 200;

/**
 * Makes a layer of packages afresh, from the same packages on the same layers, and compares. AppError not-found
 * LAYER_NOT_FOUND; others as for making one.
 */
export async function checkLayer(context: DependencyContext, id: string, options: LayerMakingOptions): Promise<LayerCheck> {
  const { store } = context;
  const layer = await store.load(id);
  const recipe = await findRecipe(store, id);
  if (recipe === undefined) return unknown(id, "it is not known what it was made of");

  const [listsId = "", ...below] = recipe.stack;
  const base = await store.load(recipe.baseId);
  const lists = (await store.find(listsId)) ?? (await freshLists(context, { ...options, base, sources: recipe.sources }));
  if (lists === undefined) return unknown(id, "its archives do not answer");

  const request = { ...options, base, sources: recipe.sources, fields: {} };
  try {
    await context.whileFetching(options.signal, () => fetchPackages(context, request, recipe.plan, lists));
    // It may have been begun on others, which are a part of it then.
    const trees = [id, ...layer.on.filter((part) => !below.includes(part))].join(",");
    const differences = await withInstalled(context, request, recipe.plan, [lists.id, ...below], async (treePath) => {
      const ended = await store.asTestbedRoot(["perl", "-e", COMPARE_SCRIPT, trees, treePath, String(DIFFERENCES_MAX)]);
      return ended.stdout.toString("utf8").split("\n").slice(0, -1);
    });
    return { layerId: id, outcome: differences.length === 0 ? "same" : "different", differences };
  } catch (error) {
    if (error instanceof AppError && ["MIRROR_UNAVAILABLE", "BUILD_DEPENDS_NOT_INSTALLABLE"].includes(error.code))
      return unknown(id, `it could not be made again: ${error.message}`);
    throw error;
  }
}

async function freshLists(
  { store, clock, open, listsAgeMsMax }: DependencyContext,
  request: Omit<Parameters<typeof ensureLists>[3], "ageMsMax">,
) {
  return ensureLists(store, clock, open, { ...request, ageMsMax: listsAgeMsMax }).catch(() => undefined);
}

function unknown(layerId: string, why: string): LayerCheck {
  return { layerId, outcome: "unknown", differences: [why] };
}

/**
 * Runs as root of the testbeds' ids in the store's directory. Arguments: trees one over the other, a tree, how many differences to print. Kind,
 * mode, owner, target and content of everything but caches, logs, what apt knows of archives, and what is written by
 * the clock; of dpkg's status the set of packages.
 */
const COMPARE_SCRIPT = `
use strict; use File::Find; use Digest::SHA;
my ($one, $other, $most) = @ARGV;
my $left_out = qr{^(?:var/cache|var/log|var/lib/apt|var/tmp|tmp|run|dev|proc|sys)(?:/|$)|(?:^|/)__pycache__(?:/|$)|\\.pyc$
  |^etc/ld\\.so\\.cache$|^var/lib/dpkg/(?:.*-old|lock.*|triggers/Lock|available)$|^etc/(?:passwd|group|shadow|gshadow|subuid|subgid)-$}x;
sub packages {
  open my $file, '<', $_[0] or return '';
  local $/ = '';
  return join "\\n", sort map { my $stanza = $_; join ' ', map { $stanza =~ /^$_: (.*)$/m ? $1 : '-' } qw(Package Version Architecture Status) } <$file>;
}
sub describe {
  my ($path, $name) = @_;
  my ($mode, $uid, $gid) = (lstat $path)[2, 4, 5];
  my $what = sprintf '%o %d:%d', $mode, $uid, $gid;
  return "$what -> " . readlink $path if -l _;
  return $what if !-f _;
  return "$what " . packages($path) if $name eq 'var/lib/dpkg/status';
  return "$what " . Digest::SHA->new(256)->addfile($path, 'b')->hexdigest;
}
sub entries {
  my ($trees) = @_;
  my %entries;
  for my $tree (reverse split /,/, $trees) {
    my $each = sub {
      return if length $_ <= length $tree;
      my $name = substr $_, length($tree) + 1;
      if ($name =~ $left_out) { $File::Find::prune = 1; return }
      # Something is removed: of a tree below, or of the layers below all of these.
      my $removes = (lstat $_)[6] == 0 && -c _;
      my @removed = $removes ? grep { $_ eq $name || index($_, "$name/") == 0 } keys %entries : ();
      delete @entries{@removed};
      $entries{$name} = describe($_, $name) if !@removed;
    };
    find({ wanted => $each, no_chdir => 1 }, $tree);
  }
  return \\%entries;
}
my ($first, $second) = (entries($one), entries($other));
my @different;
for my $name (sort keys %{{ %$first, %$second }}) {
  my $how = !defined $second->{$name} ? 'only in the layer' : !defined $first->{$name} ? 'only in the fresh one'
    : $first->{$name} ne $second->{$name} ? 'differs' : next;
  push @different, "$how: " . ($name =~ s/[^ -~]/?/gr);
}
splice @different, $most if @different > $most;
print map { "$_\\n" } @different;
`;
