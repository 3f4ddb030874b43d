import { createHash } from "node:crypto";
import { access, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { runChecked } from "../../src/runtime/index.ts";

/** What a published distribution says, read from the disk as a client would. */
export interface PublishedTree {
  readonly release: string;
  /** Field of Release, on one line. */
  field(name: string): string | undefined;
  readonly files: readonly {
    readonly path: string;
    readonly sizeBytes: number;
    readonly sha256: string;
    readonly sha512: string;
  }[];
  /** "Package Version" of each stanza of an index. */
  packages(directory: string, index?: "Packages" | "Sources"): Promise<string[]>;
}

/**
 * Read dists/<distribution> and check that it is whole: InRelease has the text of Release, and each file that Release
 * lists is there by name and by both hashes with that content, or is the uncompressed form of one.
 */
export async function readPublishedTree(distributionPath: string): Promise<PublishedTree> {
  const release = await readFile(join(distributionPath, "Release"), "utf8");
  const inRelease = await readFile(join(distributionPath, "InRelease"), "utf8");
  if (!inRelease.includes(release)) throw new Error("InRelease and Release differ");

  const files = listFiles(release);
  for (const file of files) await checkFile(distributionPath, file);
  return {
    release,
    files,
    field: (name) => new RegExp(`^${name}: (.*)$`, "m").exec(release)?.[1],
    packages: async (directory, index = "Packages") => {
      const text = gunzipSync(await readFile(join(distributionPath, directory, `${index}.gz`))).toString("utf8");
      return text
        .split("\n\n")
        .filter((stanza) => stanza.trim() !== "")
        .map((stanza) => `${/^Package: (.*)$/m.exec(stanza)?.[1]} ${/^Version: (.*)$/m.exec(stanza)?.[1]}`);
    },
  };
}

type ListedFile = PublishedTree["files"][number];

function listFiles(release: string): ListedFile[] {
  const [, afterSha256 = ""] = release.split("\nSHA256:\n");
  const [sha256Lines = "", sha512Lines = ""] = afterSha256.split("\nSHA512:\n");
  const parse = (text: string): string[][] =>
    text
      .trimEnd()
      .split("\n")
      .map((line) => line.trim().split(" "));
  const sha512ByPath = new Map(parse(sha512Lines).map(([hash = "", , path = ""]) => [path, hash]));
  return parse(sha256Lines).map(([sha256 = "", size = "", path = ""]) => ({
    path,
    sizeBytes: Number(size),
    sha256,
    sha512: sha512ByPath.get(path) ?? "",
  }));
}

async function checkFile(distributionPath: string, file: ListedFile): Promise<void> {
  const path = join(distributionPath, file.path);
  if (!/\.(gz|xz|zst)$/.test(file.path)) {
    await access(path).then(
      () => Promise.reject(new Error(`${file.path} is stored uncompressed`)),
      () => undefined,
    );
    await checkContent(file, gunzipSync(await readFile(`${path}.gz`)));
    const { stdout } = await runChecked({ argv: ["xz", "-dc", `${path}.xz`], outputBytesMax: 1024 ** 3 });
    await checkContent(file, stdout);
    return;
  }
  await checkContent(file, await readFile(path));
  await checkContent(file, await readFile(join(dirname(path), "by-hash/SHA256", file.sha256)));
  await checkContent(file, await readFile(join(dirname(path), "by-hash/SHA512", file.sha512)));
}

async function checkContent(file: ListedFile, bytes: Buffer): Promise<void> {
  const digest = (algorithm: string): string => createHash(algorithm).update(bytes).digest("hex");
  const isRight = bytes.length === file.sizeBytes && digest("sha256") === file.sha256 && digest("sha512") === file.sha512;
  if (!isRight) throw new Error(`${file.path} is not what Release says`);
}
