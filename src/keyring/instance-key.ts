import { randomUUID } from "node:crypto";
import { open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { assert, makeDirectory, syncDirectory } from "../runtime/index.ts";
import { GnupgHome } from "./gnupg-home.ts";

const HOME_NAME = "gnupg";
const UNFINISHED_PREFIX = "gnupg.new-";

/**
 * The key that signs what this instance publishes: ed25519, no passphrase, never expires, in HOME/keys/gnupg that
 * only our user can read. Holds a gpg-agent until close().
 */
export class InstanceKey {
  readonly #home: GnupgHome;
  /** Of the primary key, upper-case hex. */
  readonly fingerprint: string;
  readonly #publicKey: string;

  private constructor(home: GnupgHome, fingerprint: string, publicKey: string) {
    this.#home = home;
    this.fingerprint = fingerprint;
    this.#publicKey = publicKey;
  }

  /** Makes the key at the first start; a crash in the middle leaves nothing that the next start would take for a key. */
  static async open(keysPath: string, identity: string): Promise<InstanceKey> {
    await makeDirectory(keysPath, 0o700);
    await removeUnfinished(keysPath);
    const homePath = join(keysPath, HOME_NAME);
    if (!(await isDirectory(homePath))) await makeKey(keysPath, homePath, identity);

    const home = await GnupgHome.open(homePath);
    try {
      const fingerprint = await findFingerprint(home);
      const publicKey = await home.gpg(["--armor", "--export-options=export-minimal", "--export", fingerprint]);
      return new InstanceKey(home, fingerprint, publicKey.toString("latin1"));
    } catch (error) {
      await home.close();
      throw error;
    }
  }

  armoredPublicKey(): string {
    return this.#publicKey;
  }

  /** The text with its signature around it, as in InRelease or a .changes. */
  async clearsign(text: string | Uint8Array): Promise<Buffer> {
    return this.#home.gpg([...this.#signingOptions(), "--clearsign"], text);
  }

  /** An armored detached signature, as in Release.gpg. */
  async detachSign(bytes: string | Uint8Array): Promise<Buffer> {
    return this.#home.gpg([...this.#signingOptions(), "--armor", "--detach-sign"], bytes);
  }

  /** Both signatures over the same bytes. */
  async signRelease(release: Uint8Array): Promise<{ inRelease: Buffer; releaseGpg: Buffer }> {
    const [inRelease, releaseGpg] = await Promise.all([this.clearsign(release), this.detachSign(release)]);
    return { inRelease, releaseGpg };
  }

  async close(): Promise<void> {
    await this.#home.close();
  }

  #signingOptions(): string[] {
    return ["--digest-algo=SHA512", `--local-user=${this.fingerprint}!`];
  }
}

async function makeKey(keysPath: string, homePath: string, identity: string): Promise<void> {
  const unfinishedPath = join(keysPath, `${UNFINISHED_PREFIX}${randomUUID().slice(0, 8)}`);
  const home = await GnupgHome.open(unfinishedPath);
  try {
    const userId = `mini-buildd archive key of ${identity}`;
    await home.gpg(["--cert-digest-algo=SHA512", "--quick-generate-key", userId, "ed25519", "sign", "never"]);
  } finally {
    await home.close();
  }

  await syncTree(unfinishedPath);
  await rename(unfinishedPath, homePath);
  await syncDirectory(keysPath);
}

async function findFingerprint(home: GnupgHome): Promise<string> {
  const listing = await home.gpg(["--with-colons", "--list-secret-keys"]);
  const fingerprint = /^sec:[^\n]*\n(?:grp:[^\n]*\n)?fpr:{9}([0-9A-F]{40}):/m.exec(listing.toString("utf8"))?.[1];
  assert(fingerprint !== undefined, "keys/gnupg holds no secret key");
  return fingerprint;
}

async function removeUnfinished(keysPath: string): Promise<void> {
  for (const name of await readdir(keysPath)) {
    if (name.startsWith(UNFINISHED_PREFIX)) await rm(join(keysPath, name), { recursive: true, force: true });
  }
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}

/** fsync every regular file and directory below `path`. */
async function syncTree(path: string): Promise<void> {
  for (const entry of await readdir(path, { withFileTypes: true })) {
    const entryPath = join(path, entry.name);
    if (entry.isDirectory()) await syncTree(entryPath);
    if (!entry.isFile()) continue;
    const handle = await open(entryPath, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
  await syncDirectory(path);
}
