import { join } from "node:path";
import type { BuildOrder, OrderFile } from "../buildorder/index.ts";
import { buildFileName, isFileName, parseVersion } from "../formats/index.ts";
import { AppError, hashFile } from "../runtime/index.ts";
import type { TestbedSession } from "./environment.ts";
import { BUILD_PATH } from "./sbuild-configuration.ts";

/** What dpkg-buildpackage makes, beside the source's directory. */
const PACKAGES = ["*.deb", "*.udeb", "*.ddeb", "*.buildinfo", "*.changes"];
/** What tells more than the log, when a configuration or a test fails: autotools, automake, CMake, meson. */
const LOGS = [
  "config.log",
  "test-suite.log",
  "CMakeConfigureLog.yaml",
  "CMakeError.log",
  "CMakeOutput.log",
  "LastTest.log",
  "LastTestsFailed.log",
  "meson-log.txt",
  "testlog.txt",
];
const PACKAGES_MAX = 200;
const LOGS_MAX = 20;
const LOG_BYTES_MAX = 16 * 1024 ** 2;
const LIST_BYTES_MAX = 1024 ** 2;
/** Bytes of a tree for each that it may have compressed: what compresses better than that is no build tree. */
const PACK_RATIO_MAX = 8;

export interface LeftContext {
  readonly order: BuildOrder;
  readonly session: TestbedSession;
  /** Where they go; empty. */
  readonly directory: string;
  /** All together. */
  readonly sizeBytesMax: number;
  readonly signal: AbortSignal;
  /** For people. */
  readonly tell: (line: string) => void;
}

/**
 * What a build that failed has left, to be downloaded: packages that it made before, logs of its tools and tests, and its
 * tree, compressed. The package's own code made all of it: names are checked, sizes bounded, nothing is read. Never throws:
 * the build failed for another reason already.
 */
export async function collectLeftProducts(context: LeftContext): Promise<OrderFile[]> {
  const collected = new Collected(context);
  try {
    const packages = await find(context, ["-maxdepth", "1"], PACKAGES);
    for (const found of packages.slice(0, PACKAGES_MAX)) await collected.add(found, found.path);
    const logs = await find(context, ["-mindepth", "2"], LOGS);
    for (const found of logs.slice(0, LOGS_MAX)) await collected.add(found, logName(found.path));
    await collected.addTree();
  } catch (error) {
    context.tell(`not all of what the build left could be copied: ${error instanceof Error ? error.message : String(error)}`);
  }
  return collected.files;
}

interface Found {
  /** Below BUILD_PATH. */
  readonly path: string;
  readonly sizeBytes: number;
}

/** Regular files of these names, the least deep first; links are not followed. */
async function find({ session, signal }: LeftContext, depth: readonly string[], names: readonly string[]): Promise<Found[]> {
  const tests = names.flatMap((name, index) => (index === 0 ? ["-name", name] : ["-o", "-name", name]));
  const text = await list({ session, signal }, [...depth, "-type", "f", "(", ...tests, ")", "-printf", "%s %P\\0"]);
  const found = text.flatMap((entry) => {
    const [, size, path] = /^(\d+) (.+)$/s.exec(entry) ?? [];
    return path === undefined ? [] : [{ path, sizeBytes: Number(size) }];
  });
  const depthOf = ({ path }: Found): number => path.split("/").length;
  return found.toSorted((a, b) => depthOf(a) - depthOf(b) || (a.path < b.path ? -1 : 1));
}

/** What cannot be listed is not there. */
async function list({ session, signal }: Pick<LeftContext, "session" | "signal">, tests: readonly string[]): Promise<string[]> {
  const ended = await session.run({
    argv: ["find", BUILD_PATH, "-xdev", ...tests],
    cwd: "/",
    asRoot: true,
    signal,
    outputBytesMax: LIST_BYTES_MAX,
    onOutput: () => {},
  });
  // The last one may be cut off.
  return ended.stdout.toString("utf8").split("\0").slice(0, -1);
}

/** `obj-x86_64-linux-gnu/config.log` as one name; the source's directory says nothing. */
function logName(path: string): string {
  const name = path
    .split("/")
    .slice(1)
    .join("_")
    .replaceAll(/[^A-Za-z0-9+.~_:-]/g, "-");
  return name.replace(/^[^A-Za-z0-9]+/, "").slice(-200);
}

class Collected {
  readonly files: OrderFile[] = [];
  readonly #context: LeftContext;
  #sizeBytes = 0;

  constructor(context: LeftContext) {
    this.#context = context;
  }

  /** Leaves out what is too large, or has no proper name. */
  async add({ path, sizeBytes }: Found, name: string): Promise<void> {
    const { session, directory, signal } = this.#context;
    signal.throwIfAborted();
    const isLog = name !== path;
    const sizeBytesMax = Math.min(this.#room(), isLog ? LOG_BYTES_MAX : Number.POSITIVE_INFINITY);
    if (!isFileName(name) || this.#has(name) || sizeBytes > sizeBytesMax) return;

    await session.copyOut(`${BUILD_PATH}/${path}`, join(directory, name), { sizeBytesMax });
    await this.#added(name);
  }

  async addTree(): Promise<void> {
    const { session, directory, order, sizeBytesMax, signal, tell } = this.#context;
    signal.throwIfAborted();
    const found = await list(this.#context, ["-mindepth", "1", "-maxdepth", "1", "-type", "d", "-printf", "%P\\0"]);
    const names = found.filter(isFileName);
    if (names.length === 0 || this.#room() <= 0) return;

    const name = buildFileName(order.source, parseVersion(order.version), `_${order.architecture}.build-tree.tar.zst`);
    try {
      const sizes = { packedBytesMax: this.#room(), bytesMax: sizeBytesMax * PACK_RATIO_MAX };
      await session.packOut({ parentPath: BUILD_PATH, names }, join(directory, name), sizes);
      await this.#added(name);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "TESTBED_OUTPUT_TOO_LARGE") throw error;
      tell(`the build tree is too large to be downloaded: ${error.message} (limit failedProductsSizeBytesMax)`);
    }
  }

  #room(): number {
    return this.#context.sizeBytesMax - this.#sizeBytes;
  }

  #has(name: string): boolean {
    return this.files.some((file) => file.name === name);
  }

  async #added(name: string): Promise<void> {
    const path = join(this.#context.directory, name);
    const { sizeBytes, sha256 } = await hashFile(path);
    this.files.push({ name, sizeBytes, sha256 });
    this.#sizeBytes += sizeBytes;
  }
}
