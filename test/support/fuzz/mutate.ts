/** Repeatable damage: the same seed gives the same mutations. */

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 … below (mulberry32). */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * limit);
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error("nothing to pick from");
    return item;
  }
}

/** What has broken parsers: of control data, of names, of numbers, of encodings. */
const TOKENS = [
  "\n",
  "\n\n",
  "\r\n",
  "\n .\n",
  "\n\t",
  "\0",
  "\u0001",
  "\u2028",
  "é",
  ":",
  ": ",
  "#",
  " ",
  "-",
  "~",
  "+",
  "_",
  "/",
  "../",
  "../../../../etc/passwd",
  "/etc/passwd",
  "%2e%2e%2f",
  "$(id)",
  "`id`",
  "'",
  '"',
  "(",
  "))",
  "[",
  "<!",
  "|",
  ",",
  "0",
  "-1",
  "99999999999999999999999999",
  "1e309",
  "NaN",
  "__proto__",
  "constructor",
  "Package: evil",
  "\nFilename: pool/evil\n",
  "\nPackage: evil\nVersion: 9\n\nPackage: evil2\n",
  "\n-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n",
  "\n-----BEGIN PGP SIGNATURE-----\n",
  "\n- -----BEGIN PGP",
  "a".repeat(5_000),
  "(".repeat(2_000),
  " a |".repeat(2_000),
  "\n x".repeat(2_000),
  "\n".repeat(2_000),
  " ".repeat(20_000),
].map((text) => Buffer.from(text));

type Mutation = (bytes: Buffer, random: Random) => Buffer;

const MUTATIONS: readonly Mutation[] = [
  // Another byte somewhere, or one bit of it.
  (bytes, random) => {
    const changed = Buffer.from(bytes);
    if (changed.length > 0) changed[random.below(changed.length)] = random.below(256);
    return changed;
  },
  (bytes, random) => {
    const changed = Buffer.from(bytes);
    const at = random.below(Math.max(1, changed.length));
    if (changed.length > 0) changed[at] = (changed[at] ?? 0) ^ (1 << random.below(8));
    return changed;
  },
  // Something cut out, doubled, moved, cut off.
  (bytes, random) => {
    const [from, to] = range(bytes, random);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  },
  (bytes, random) => {
    const [from, to] = range(bytes, random);
    return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from, to), bytes.subarray(to)]);
  },
  (bytes, random) => {
    const [from, to] = range(bytes, random);
    const rest = Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
    const at = random.below(rest.length + 1);
    return Buffer.concat([rest.subarray(0, at), bytes.subarray(from, to), rest.subarray(at)]);
  },
  (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1)),
  // Something put in, or in the place of a word or a line.
  (bytes, random) => {
    const at = random.below(bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, at), random.pick(TOKENS), bytes.subarray(at)]);
  },
  (bytes, random) => replaceMatch(bytes, random, /[^\s:,()]+/g),
  (bytes, random) => replaceMatch(bytes, random, /[0-9]+/g),
  (bytes, random) => replaceMatch(bytes, random, /^.*$/gm),
];

/** One to four changes. */
export function mutate(bytes: Buffer, random: Random): Buffer {
  let mutated = bytes;
  for (let count = 1 + random.below(4); count > 0; count -= 1) mutated = random.pick(MUTATIONS)(mutated, random);
  return mutated;
}

function range(bytes: Buffer, random: Random): [number, number] {
  const from = random.below(bytes.length + 1);
  return [from, Math.min(bytes.length, from + 1 + random.below(random.pick([4, 64, 1_024])))];
}

function replaceMatch(bytes: Buffer, random: Random, pattern: RegExp): Buffer {
  const text = bytes.toString("latin1");
  const matches = [...text.matchAll(pattern)].slice(0, 500);
  if (matches.length === 0) return bytes;

  const match = random.pick(matches);
  const before = bytes.subarray(0, match.index);
  return Buffer.concat([before, random.pick(TOKENS), bytes.subarray(match.index + match[0].length)]);
}
