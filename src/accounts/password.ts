import { type Argon2Parameters, argon2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { AppError } from "../runtime/index.ts";

/** OWASP's second recommendation for argon2id: 19 MiB, two passes. About 30 ms. */
const MEMORY_KIB = 19_456;
const PASSES = 2;
const LANES = 1;
const TAG_BYTES = 32;
const SALT_BYTES = 16;
const LENGTH_MIN = 10;
/** Nobody types more; hashing more would be work for a stranger's asking. */
const LENGTH_MAX = 512;

const hashOnThread = promisify(argon2);

/** As a PHC string: `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await argon2id({ password, salt, memoryKib: MEMORY_KIB, passes: PASSES, lanes: LANES });
  return `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=${LANES}$${unpadded(salt)}$${unpadded(hash)}`;
}

/** `stored` undefined (no such user, no password yet): takes as long and says no. */
export async function isPassword(password: string, stored: string | undefined): Promise<boolean> {
  if (password.length > LENGTH_MAX) return false;

  const parts = stored === undefined ? undefined : /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([^$]+)\$([^$]+)$/.exec(stored);
  const [, memory, passes, lanes, salt, hash] = parts ?? [];
  const expected = hash === undefined ? randomBytes(TAG_BYTES) : Buffer.from(hash, "base64");
  const actual = await argon2id({
    password,
    salt: salt === undefined ? randomBytes(SALT_BYTES) : Buffer.from(salt, "base64"),
    memoryKib: Number(memory ?? MEMORY_KIB),
    passes: Number(passes ?? PASSES),
    lanes: Number(lanes ?? LANES),
  });
  return parts !== undefined && parts !== null && actual.length === expected.length && timingSafeEqual(actual, expected);
}

/** Throws PASSWORD_UNFIT (invalid). Length is what counts; no rules about kinds of characters. */
export function checkPassword(password: string, userName: string): void {
  const problem = passwordProblem(password, userName);
  if (problem === undefined) return;

  throw new AppError({
    kind: "invalid",
    code: "PASSWORD_UNFIT",
    message: `this password ${problem}`,
    hint: `Take at least ${LENGTH_MIN} characters that nobody guesses: four random words do`,
  });
}

function passwordProblem(password: string, userName: string): string | undefined {
  if (password.length < LENGTH_MIN) return `is shorter than ${LENGTH_MIN} characters`;
  if (password.length > LENGTH_MAX) return `is longer than ${LENGTH_MAX} characters`;
  if (new Set(password).size < 5) return "has too few different characters";
  return password.toLowerCase().includes(userName.toLowerCase()) ? "contains the user's name" : undefined;
}

interface Argon2Input {
  readonly password: string;
  readonly salt: Buffer;
  readonly memoryKib: number;
  readonly passes: number;
  readonly lanes: number;
}

/** At most four run at once, on libuv's threads: that bounds the memory that strangers can make us hold. */
async function argon2id(input: Argon2Input): Promise<Buffer> {
  const parameters: Argon2Parameters = {
    message: input.password,
    nonce: input.salt,
    memory: input.memoryKib,
    passes: input.passes,
    parallelism: input.lanes,
    tagLength: TAG_BYTES,
  };
  return hashOnThread("argon2id", parameters);
}

function unpadded(bytes: Buffer): string {
  return bytes.toString("base64").replaceAll("=", "");
}
