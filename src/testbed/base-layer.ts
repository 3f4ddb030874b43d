import { createHash } from "node:crypto";
import { AppError, runCommand } from "../runtime/index.ts";
import { hostAcquireOptions } from "./host-apt.ts";
import { unshareArguments } from "./id-map.ts";
import type { LayerStore } from "./layer-store.ts";
import type { BaseLayerRequest, Layer } from "./types.ts";

const TIMEOUT_MS = 60 * 60 * 1000;

/** Raised when what MAKE_SCRIPT makes changes, so that older bases are not taken for it. */
const RECIPE = 2;

/**
 * Runs as root of the testbeds' ids in the store's directory. Arguments: codename, architecture, target's name,
 * apt options. The sources come on standard input. The daemon's directories are closed to these ids, hence the bind.
 */
const MAKE_SCRIPT = `
set -eu
umask 022
codename=$1 architecture=$2 target=/mnt/$3
shift 3
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount --no-canonicalize --bind . /mnt
cd /
export TMPDIR=/tmp HOME=/tmp
cat > /tmp/mini-buildd.sources
for option in "$@"; do set -- "$@" "--aptopt=$option"; shift; done
mmdebstrap --mode=root --format=directory --variant=buildd --architectures="$architecture" \\
  --skip=chroot/mount/sys --dpkgopt=force-unsafe-io --verbose "$@" \\
  --customize-hook='echo "man-db man-db/auto-update boolean false" | chroot "$1" debconf-set-selections' \\
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

export function baseLayerId(request: BaseLayerRequest): string {
  const description = {
    recipe: RECIPE,
    codename: request.codename,
    architecture: request.architecture,
    components: request.components,
    sources: request.sources.map(({ name, deb822 }) => ({ name, deb822 })),
  };
  const digest = createHash("sha256").update(JSON.stringify(description)).digest("hex").slice(0, 16);
  return `base-${request.codename}-${request.architecture}-${digest}`.toLowerCase().replaceAll(/[^a-z0-9-]/g, "-");
}

/** Bootstrap a release with what sbuild expects to find. The caller holds the lock for this id. */
export async function makeBaseLayer(store: LayerStore, request: BaseLayerRequest): Promise<Layer> {
  const id = baseLayerId(request);
  const treeName = `making-${id}`;
  await store.removeTree(treeName);
  request.onProgress?.(`bootstrapping ${request.codename} for ${request.architecture}`);

  try {
    await bootstrap(store, request, treeName);
    const description = `${request.codename} ${request.architecture}, bootstrapped by mmdebstrap`;
    const { codename, architecture } = request;
    return await store.commit(treeName, { id, kind: "base", codename, architecture, description, on: [] });
  } catch (error) {
    await store.removeTree(treeName);
    throw error;
  }
}

async function bootstrap(store: LayerStore, request: BaseLayerRequest, treeName: string): Promise<void> {
  const aptOptions = (await hostAcquireOptions()).map(asConfigurationLine);
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
      ...aptOptions,
    ],
    cwd: store.storeDirectory,
    input: request.sources.map((source) => source.deb822.trimEnd()).join("\n\n"),
    env: { LIBMOUNT_FORCE_MOUNT2: "always" },
    timeoutMs: TIMEOUT_MS,
    keepTail: true,
    outputBytesMax: 64 * 1024,
    ...(request.signal === undefined ? {} : { signal: request.signal }),
    ...(request.onOutput === undefined ? {} : { onOutput: request.onOutput }),
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

/** `Key=Value` as a line of apt.conf. */
function asConfigurationLine(option: string): string {
  const [key = "", ...value] = option.split("=");
  return `${key} "${value.join("=")}"`;
}
