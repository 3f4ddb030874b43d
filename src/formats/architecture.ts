/**
 * Debian's architecture names as tuples ABI-libc-OS-CPU, from dpkg's tupletable and cputable (dpkg 1.21 and the
 * later additions). The order matters for nothing: names are unique.
 */
type Tuple = readonly [abi: string, libc: string, os: string, cpu: string];

const CPUS: readonly string[] = (
  "alpha amd64 arc arm arm64 armeb avr32 hppa i386 ia64 loong64 m32r m68k mips mips64 mips64el mips64r6 mips64r6el " +
  "mipsel mipsr6 mipsr6el nios2 or1k powerpc powerpcel ppc64 ppc64el riscv64 s390 s390x sh3 sh3eb sh4 sh4eb sparc sparc64 tilegx"
).split(" ");

/** Names that are not made of a prefix and a CPU. */
const IRREGULAR: Readonly<Record<string, Tuple>> = {
  "uclibc-linux-armel": ["eabi", "uclibc", "linux", "arm"],
  "musl-linux-armhf": ["eabihf", "musl", "linux", "arm"],
  arm64ilp32: ["ilp32", "gnu", "linux", "arm64"],
  armhf: ["eabihf", "gnu", "linux", "arm"],
  armel: ["eabi", "gnu", "linux", "arm"],
  mipsn32r6el: ["abin32", "gnu", "linux", "mips64r6el"],
  mipsn32r6: ["abin32", "gnu", "linux", "mips64r6"],
  mipsn32el: ["abin32", "gnu", "linux", "mips64el"],
  mipsn32: ["abin32", "gnu", "linux", "mips64"],
  mips64r6el: ["abi64", "gnu", "linux", "mips64r6el"],
  mips64r6: ["abi64", "gnu", "linux", "mips64r6"],
  mips64el: ["abi64", "gnu", "linux", "mips64el"],
  mips64: ["abi64", "gnu", "linux", "mips64"],
  powerpcspe: ["spe", "gnu", "linux", "powerpc"],
  x32: ["x32", "gnu", "linux", "amd64"],
  "kfreebsd-armhf": ["eabihf", "gnu", "kfreebsd", "arm"],
  "uclinux-armel": ["eabi", "uclibc", "uclinux", "arm"],
  "mint-m68k": ["base", "tos", "mint", "m68k"],
};

/** Prefix of the name → ABI, libc and OS; the rest is the CPU. */
const PREFIXES: Readonly<Record<string, readonly [abi: string, libc: string, os: string]>> = {
  "uclibc-linux-": ["base", "uclibc", "linux"],
  "musl-linux-": ["base", "musl", "linux"],
  "kfreebsd-": ["base", "gnu", "kfreebsd"],
  "knetbsd-": ["base", "gnu", "knetbsd"],
  "kopensolaris-": ["base", "gnu", "kopensolaris"],
  "hurd-": ["base", "gnu", "hurd"],
  "dragonflybsd-": ["base", "bsd", "dragonflybsd"],
  "freebsd-": ["base", "bsd", "freebsd"],
  "openbsd-": ["base", "bsd", "openbsd"],
  "netbsd-": ["base", "bsd", "netbsd"],
  "darwin-": ["base", "bsd", "darwin"],
  "aix-": ["base", "sysv", "aix"],
  "solaris-": ["base", "sysv", "solaris"],
  "uclinux-": ["base", "uclibc", "uclinux"],
  "": ["base", "gnu", "linux"],
};

/**
 * Whether a real architecture is what a name or wildcard of debian/control means: `amd64`, `any`, `linux-any`,
 * `any-amd64`, `gnu-any-any`. Like `dpkg-architecture -a… -i…`, except that `all` is matched only by `all`.
 */
export function architectureMatches(architecture: string, wildcard: string): boolean {
  if (architecture === wildcard) return true;
  if (architecture === "all" || wildcard === "all" || architecture === "source") return false;
  if (wildcard === "any") return true;

  const real = tupleOf(architecture);
  const wanted = wildcardTuple(wildcard);
  if (real === undefined || wanted === undefined) return false;
  return wanted.every((part, index) => part === "any" || part === real[index]);
}

/** A list as in `Build-Depends: foo [amd64 !hurd-any]`: the first entry that speaks of the architecture decides. */
export function architectureListMatches(architecture: string, list: readonly string[]): boolean {
  let isConcerned = false;
  for (const entry of list) {
    const isNegated = entry.startsWith("!");
    if (architectureMatches(architecture, isNegated ? entry.slice(1) : entry)) return !isNegated;
    if (isNegated) isConcerned = true;
  }
  return isConcerned;
}

/** dpkg knows it, and it is neither `all` nor a wildcard. */
export function isKnownArchitecture(text: string): boolean {
  return tupleOf(text) !== undefined;
}

/** Each name that dpkg knows. */
export function knownArchitectures(): string[] {
  const regular = Object.keys(PREFIXES).flatMap((prefix) => CPUS.map((cpu) => `${prefix}${cpu}`));
  return [...new Set([...Object.keys(IRREGULAR), ...regular])];
}

function tupleOf(architecture: string): Tuple | undefined {
  // "linux-amd64" is an old way to write "amd64".
  const name = architecture.startsWith("linux-") ? architecture.slice("linux-".length) : architecture;
  if (Object.hasOwn(IRREGULAR, name)) return IRREGULAR[name];

  for (const [prefix, [abi, libc, os]] of Object.entries(PREFIXES)) {
    if (!name.startsWith(prefix)) continue;
    const cpu = name.slice(prefix.length);
    return CPUS.includes(cpu) ? [abi, libc, os, cpu] : undefined;
  }
  return undefined;
}

function wildcardTuple(wildcard: string): readonly string[] | undefined {
  const parts = wildcard.split("-");
  if (!parts.includes("any")) return tupleOf(wildcard);
  if (parts.length > 4) return undefined;
  return [...Array.from({ length: 4 - parts.length }, () => "any"), ...parts];
}
