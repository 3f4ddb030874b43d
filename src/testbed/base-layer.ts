import { createHash } from "node:crypto";
import { AppError, runCommand } from "../runtime/index.ts";
import { hostAcquireOptions } from "./host-apt.ts";
import { unshareArguments } from "./id-map.ts";
import type { LayerStore } from "./layer-store.ts";
import type { BaseLayerRequest, Layer } from "./types.ts";

const TIMEOUT_MS = 60 * 60 * 1000;

/** Raised when what MAKE_SCRIPT makes changes, so that older bases are not taken for it. */
const RECIPE = 2;

const PHASE = /^I: ((?:running apt-get update|downloading|extracting|installing|cleaning).*?)(?:\.\.\.)?$/;
/** None that has apt run something (Pre-Invoke and its like). */
const APT_OPTION = /^(?!.*Invoke)(?:Acquire|APT)::[A-Za-z0-9:_-]+=[^"\\\r\n]*$/i;

/**
 * Runs as root of the testbeds' ids in the store's directory. Arguments: codename, architecture, target's name,
 * mmdebstrap's variant, packages (separated by commas), how many apt options the layer keeps, and apt options: those
 * to keep first. The sources come on standard input. The daemon's directories are closed to these ids, hence the bind.
 */
const MAKE_SCRIPT = `
set -eu
umask 022
codename=$1 architecture=$2 target=/mnt/$3 variant=$4 packages=$5 kept=$6
shift 6
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount --no-canonicalize --bind . /mnt
cd /
export TMPDIR=/tmp HOME=/tmp
cat > /tmp/mini-buildd.sources
: > /tmp/mini-buildd.conf
for option in "$@"; do
  [ "$kept" -gt 0 ] || break
  printf '%s;\\n' "$option" >> /tmp/mini-buildd.conf
  kept=$((kept - 1))
done
for option in "$@"; do set -- "$@" "--aptopt=$option"; shift; done
# apt's methods read file: archives from outside, dpkg inside.
! grep -q '^URIs:.*file:' /tmp/mini-buildd.sources ||
  set -- "$@" --hook-dir=/usr/share/mmdebstrap/hooks/file-mirror-automount
[ -z "$packages" ] || set -- "$@" "--include=$packages"
mmdebstrap --mode=root --format=directory --variant="$variant" --architectures="$architecture" \\
  --skip=chroot/mount/sys --dpkgopt=force-unsafe-io --verbose "$@" \\
  --customize-hook='[ ! -e "$1/usr/bin/debconf-set-selections" ] ||
    echo "man-db man-db/auto-update boolean false" | chroot "$1" debconf-set-selections' \\
  "$codename" "$target" /tmp/mini-buildd.sources
cd "$target"
rm -rf dev
mkdir -p dev/pts dev/shm
for name in null zero full random urandom tty; do : > dev/$name; done
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s fd/0 dev/stdin
ln -s fd/1 dev/stdout
ln -s fd/2 dev/stderr
rm -rf etc/apt/sources.list etc/apt/sources.list.d etc/apt/apt.conf.d/99mmdebstrap etc/dpkg/dpkg.cfg.d/99mmdebstrap
rm -f etc/resolv.conf etc/hostname etc/hosts
mkdir -p etc/apt/sources.list.d etc/apt/preferences.d etc/apt/keyrings var/cache/apt/archives/partial
[ ! -s /tmp/mini-buildd.conf ] || cp /tmp/mini-buildd.conf etc/apt/apt.conf.d/50mini-buildd
: > etc/resolv.conf
echo testbed > etc/hostname
printf '127.0.0.1 localhost\\n127.0.1.1 testbed\\n::1 localhost ip6-localhost ip6-loopback\\n' > etc/hosts
printf '#!/bin/sh\\nexit 101\\n' > usr/sbin/policy-rc.d
chmod 755 usr/sbin/policy-rc.d
grep -q '^sbuild:' etc/passwd || {
  echo 'sbuild:x:999:999:Debian source builder,,,:/var/lib/sbuild:/bin/bash' >> etc/passwd
  echo 'sbuild:!:19000::::::' >> etc/shadow
  echo 'sbuild:x:999:' >> etc/group
  echo 'sbuild:!::' >> etc/gshadow
}
mkdir -p build var/lib/sbuild
chown 999:999 build var/lib/sbuild
chmod 2770 build
chmod 2775 var/lib/sbuild
`;

/** Of the first layer made to this description; later ones add when they were made. */
export function baseLayerId(request: BaseLayerRequest): string {
  const { packages = [], aptOptions = [], variant = "buildd" } = request;
  const description = {
    recipe: RECIPE,
    codename: request.codename,
    architecture: request.architecture,
    components: request.components,
    sources: request.sources.map(({ name, deb822 }) => ({ name, deb822 })),
    ...(packages.length === 0 ? {} : { packages }),
    ...(aptOptions.length === 0 ? {} : { aptOptions }),
    ...(variant === "buildd" ? {} : { variant }),
  };
  const digest = createHash("sha256").update(JSON.stringify(description)).digest("hex").slice(0, 16);
  return `base-${request.codename}-${request.architecture}-${digest}`.toLowerCase().replaceAll(/[^a-z0-9-]/g, "-");
}

/** Bootstrap a release with what sbuild expects to find. The caller holds the lock for this description. */
export async function makeBaseLayer(store: LayerStore, request: BaseLayerRequest, id: string): Promise<Layer> {
  const treeName = `making-${id}`;
  await store.removeTree(treeName);
  request.onProgress?.(`bootstrapping ${request.codename} for ${request.architecture}`);

  try {
    await bootstrap(store, request, treeName);
    const { codename, architecture } = request;
    return await store.commit(treeName, { id, kind: "base", codename, architecture, description: describe(request), on: [] });
  } catch (error) {
    await store.removeTree(treeName);
    throw error;
  }
}

function describe({ codename, architecture, packages = [], variant = "buildd" }: BaseLayerRequest): string {
  const small = variant === "apt" ? ", only apt" : "";
  const further = packages.length === 0 ? "" : `, with ${packages.join(" ")}`;
  return `${codename} ${architecture}, bootstrapped by mmdebstrap${small}${further}`;
}

async function bootstrap(store: LayerStore, request: BaseLayerRequest, treeName: string): Promise<void> {
  const { packages = [], aptOptions = [], variant = "buildd" } = request;
  checkWords(packages, aptOptions);
  const options = [...aptOptions, ...(await hostAcquireOptions())].map(asConfigurationLine);
  const namespaces = ["--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child"];
  const ended = await runCommand({
    argv: [
      ...unshareArguments(store.idMap),
      ...namespaces,
      "--",
      "sh",
      "-c",
      MAKE_SCRIPT,
      "sh",
      request.codename,
      request.architecture,
      treeName,
      variant,
      packages.join(","),
      String(aptOptions.length),
      ...options,
    ],
    cwd: store.storeDirectory,
    input: request.sources.map((source) => source.deb822.trimEnd()).join("\n\n"),
    env: { LIBMOUNT_FORCE_MOUNT2: "always" },
    timeoutMs: TIMEOUT_MS,
    keepTail: true,
    outputBytesMax: 64 * 1024,
    ...(request.signal === undefined ? {} : { signal: request.signal }),
    onOutput: reportPhases(request),
  });
  if (ended.reason === "exited" && ended.exitCode === 0) return;

  request.signal?.throwIfAborted();
  throw new AppError({
    kind: "unavailable",
    code: "BASE_LAYER_FAILED",
    message: `mmdebstrap could not bootstrap ${request.codename} for ${request.architecture}`,
    hint: "Look at the cause: a mirror that cannot be reached, a key that is missing, or a full disk",
    facts: { reason: ended.reason, exitCode: ended.exitCode },
    cause: Buffer.concat([ended.stdout, ended.stderr]).toString("utf8").trimEnd().split("\n").slice(-20).join("\n"),
  });
}

/** mmdebstrap says in lines of its own ("I: extracting archives...") where it is, among the output of what it runs. */
function reportPhases({ codename, architecture, onOutput, onProgress }: BaseLayerRequest) {
  let rest = "";
  return (chunk: Uint8Array): void => {
    onOutput?.(chunk);
    const lines = (rest + Buffer.from(chunk).toString("utf8")).split("\n");
    rest = (lines.pop() ?? "").slice(-1_000);
    for (const line of lines) {
      const [, phase] = PHASE.exec(line) ?? [];
      if (phase !== undefined) onProgress?.(`${codename} ${architecture}: ${phase}`);
    }
  };
}

/** They become arguments of mmdebstrap, and lines of apt.conf. */
function checkWords(packages: readonly string[], aptOptions: readonly string[]): void {
  const bad = [
    ...packages.filter((name) => !/^[a-z0-9][a-z0-9+.-]+$/.test(name)),
    ...aptOptions.filter((option) => !APT_OPTION.test(option)),
  ];
  if (bad.length === 0) return;

  throw new AppError({
    kind: "invalid",
    code: "BASE_LAYER_OPTION",
    message: `${bad.map((word) => JSON.stringify(word)).join(", ")} cannot be a package or APT option of a base layer`,
    hint: 'Packages are names like eatmydata, APT options "Acquire::…=value" or "APT::…=value"; none that runs a command',
  });
}

/** `Key=Value` as a line of apt.conf. */
function asConfigurationLine(option: string): string {
  const [key = "", ...value] = option.split("=");
  return `${key} "${value.join("=")}"`;
}
