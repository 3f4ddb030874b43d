/** Where apt in the root finds what was just built, when piuparts tells it to look there. */
export const TESTDEBS_PATH = "/var/testdebs";

/**
 * `schroot`, as far as piuparts uses it, inside a session: piuparts' own ways to get a root file system need device
 * nodes, which nobody can make in a user namespace. The root is an overlay on the layers that the session has in
 * /mini-buildd/layers, so nothing is unpacked or copied; the devices are those of the session. What is published now
 * is offered to its apt as an archive, to upgrade from; what was just built as another.
 */
export const SCHROOT_PROGRAM = `#!/bin/sh
set -eu
root=/mini-buildd/chroot scratch=/mini-buildd/scratch
begin() {
  mkdir -p "$root" "$scratch/upper" "$scratch/work"
  lower=$(cd /mini-buildd/layers && ls | sort -n | sed 's,^,/mini-buildd/layers/,' | paste -sd:)
  mount -t overlay -o "userxattr,lowerdir=$lower,upperdir=$scratch/upper,workdir=$scratch/work" overlay "$root"
  mount -t proc proc "$root/proc"
  mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$root/sys"
  for name in null zero full random urandom tty; do mount --bind "/dev/$name" "$root/dev/$name"; done
  mount -t devpts -o nosuid,noexec,newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
  mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs "$root/dev/shm"
  rm -rf "$root/etc/apt/sources.list" "$root"/etc/apt/sources.list.d/* "$root"/etc/apt/preferences.d/*
  : > "$root/etc/apt/sources.list"
  cp -r /mini-buildd/check/debs "$root${TESTDEBS_PATH}"
  (cd "$root${TESTDEBS_PATH}" && dpkg-scanpackages --multiversion . > Packages 2> /dev/null)
  [ -d /mini-buildd/previous ] || return 0
  cp -r /mini-buildd/previous "$root/var/previous"
  (cd "$root/var/previous" && dpkg-scanpackages --multiversion . > Packages 2> /dev/null)
  echo 'deb [trusted=yes] file:/var/previous ./' > "$root/etc/apt/sources.list"
}
case " $* " in
  *" --begin-session "*) begin ;;
  *" --location "*) echo "$root" ;;
  *" --end-session "*) umount -R -l "$root" ;;
  *" --run-session "*)
    while [ "$1" != -- ]; do shift; done
    shift
    exec chroot "$root" "$@" ;;
  *) echo "schroot: not known here: $*" >&2; exit 1 ;;
esac
`;
