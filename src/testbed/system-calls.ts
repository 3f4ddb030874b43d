import { assert } from "../runtime/index.ts";

const NAMES = ["keyctl", "setns", "setsid", "unshare", "prctl", "prlimit64"] as const;

type SystemCalls = Readonly<Record<(typeof NAMES)[number], number>>;

/** struct statfs: type, block size, blocks, free blocks, each of eight bytes. Not so on others. */
const STATFS: Readonly<Record<string, number | undefined>> = { x64: 137, arm64: 43, riscv64: 43, loong64: 43, ppc64: 99 };

/** In the order of NAMES. arm64, riscv64 and loong64 have the generic numbers. */
const NUMBERS: Readonly<Record<string, readonly number[] | undefined>> = {
  x64: [250, 308, 112, 272, 157, 302],
  arm64: [219, 268, 157, 97, 167, 261],
  riscv64: [219, 268, 157, 97, 167, 261],
  loong64: [219, 268, 157, 97, 167, 261],
  ppc64: [271, 350, 66, 282, 171, 325],
  s390x: [280, 339, 66, 303, 172, 334],
  ia32: [288, 346, 66, 310, 172, 340],
  arm: [311, 375, 66, 337, 172, 369],
};

/**
 * By number, as no program for them is on every system, and as Perl needs longer to load its modules than for all the
 * rest. Linux numbers them by architecture; pidfd_open is 434 on all.
 */
export function systemCalls(): SystemCalls {
  const numbers = NUMBERS[process.arch];
  assert(numbers !== undefined, `the numbers of system calls on ${process.arch} are known`);
  return Object.fromEntries(NAMES.map((name, index) => [name, numbers[index]])) as SystemCalls;
}

/** Undefined where its structure is another one. */
export function statfsCall(): number | undefined {
  return STATFS[process.arch];
}
