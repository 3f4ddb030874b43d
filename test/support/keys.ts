import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runChecked } from "../../src/runtime/index.ts";

/** A signing key of a test, in a GnuPG home of its own (short path: agent sockets). Call dispose() in the end. */
export interface TestKey {
  readonly fingerprint: string;
  readonly homePath: string;
  /** An armored export: usable as a keyring file. */
  readonly publicKeyPath: string;
  armoredPublicKey(): Promise<string>;
  clearsign(text: string | Uint8Array, options?: readonly string[]): Promise<Buffer>;
  /** Any other gpg command in this home; returns standard output. */
  gpg(args: readonly string[], input?: string | Uint8Array): Promise<Buffer>;
  dispose(): Promise<void>;
}

export interface TestKeyOptions {
  readonly userId?: string;
  /** Seconds since the epoch at which the key was made, for keys that expired since. */
  readonly madeAtSeconds?: number;
  /** As gpg's --quick-generate-key takes it: "never", "1d". */
  readonly expires?: string;
  /** "ed25519", "rsa2048" … */
  readonly algorithm?: string;
}

export async function makeTestKey(options: TestKeyOptions = {}): Promise<TestKey> {
  const homePath = await mkdtemp(join(tmpdir(), "mbd-key-"));
  const gpg = (args: readonly string[], input?: string | Uint8Array): Promise<Buffer> => runGpg(homePath, args, input);
  const fakedTime = options.madeAtSeconds === undefined ? [] : [`--faked-system-time=${options.madeAtSeconds}`];
  const userId = options.userId ?? "Test Uploader <uploader@example.org>";
  await gpg([...fakedTime, "--quick-generate-key", userId, options.algorithm ?? "ed25519", "sign", options.expires ?? "never"]);

  const listing = (await gpg(["--with-colons", "--list-secret-keys"])).toString("utf8");
  const fingerprint = /^fpr:{9}([0-9A-F]{40}):/m.exec(listing)?.[1];
  if (fingerprint === undefined) throw new Error(`gpg made no key:\n${listing}`);
  const publicKeyPath = join(homePath, "public.asc");
  await writeFile(publicKeyPath, await gpg(["--armor", "--export", fingerprint]));

  return {
    fingerprint,
    homePath,
    publicKeyPath,
    gpg,
    armoredPublicKey: async () => (await gpg(["--armor", "--export", fingerprint])).toString("latin1"),
    clearsign: (text, extra = []) => gpg([`--local-user=${fingerprint}`, "--digest-algo=SHA512", ...extra, "--clearsign"], text),
    dispose: async () => {
      await runChecked({ argv: ["gpgconf", `--homedir=${homePath}`, "--kill", "all"] });
      await rm(homePath, { recursive: true, force: true });
    },
  };
}

async function runGpg(homePath: string, args: readonly string[], input?: string | Uint8Array): Promise<Buffer> {
  const ended = await runChecked({
    argv: [
      "gpg",
      `--homedir=${homePath}`,
      "--batch",
      "--no-tty",
      "--quiet",
      "--pinentry-mode=loopback",
      "--passphrase=",
      ...args,
    ],
    input,
    timeoutMs: 60_000,
  });
  return ended.stdout;
}
