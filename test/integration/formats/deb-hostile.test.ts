import { createCipheriv } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readDeb } from "../../../src/formats/index.ts";
import { defaultLimits, runChecked } from "../../../src/runtime/index.ts";
import { makeAr, makeTar } from "../../support/packages.ts";

const CONTROL = "Package: hostile\nVersion: 1.0\nArchitecture: all\n";
const FORMAT = { "debian-binary": Buffer.from("2.0\n") };
const CONTROL_MEMBER = { "control.tar.gz": gzipSync(makeTar({ "./control": CONTROL })) };
const DATA_MEMBER = { "data.tar.gz": gzipSync(makeTar({ "./usr/file": "content" })) };
const GOOD = { ...FORMAT, ...CONTROL_MEMBER, ...DATA_MEMBER };

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "mini-buildd-deb-"));
});

afterAll(() => rm(directory, { recursive: true }));

test("a good package made the same way is read, with members of others in between", async () => {
  const members = {
    ...FORMAT,
    _gpgorigin: Buffer.from("odd"),
    ...CONTROL_MEMBER,
    ...DATA_MEMBER,
    "later.extra": Buffer.from("x"),
  };

  const deb = await readDeb(await write(makeAr(members)));

  expect(deb.files.map((file) => file.path)).toContain("usr/file");
});

test.each(["../../etc/passwd", "./a/../../b", "/etc/passwd", "./usr/new\nline", "./usr/\u0001"])(
  "a file named %j is refused",
  async (name) => {
    await refused(makeAr({ ...GOOD, "data.tar.gz": gzipSync(makeTar({ [name]: "x" })) }), "DEB_INVALID", "an entry named");
  },
);

test("what is no .deb is refused with what is wrong", async () => {
  await refused(Buffer.from(""), "DEB_INVALID", "cut off");
  await refused(Buffer.from("PK\u0003\u0004 something else"), "DEB_INVALID", "ar archive");
  await refused(makeAr({ ...CONTROL_MEMBER, ...DATA_MEMBER }), "DEB_INVALID", "first member");
  await refused(makeAr({ ...GOOD, "debian-binary": Buffer.from("3.0\n") }), "DEB_INVALID", 'format is "3.0"');
  await refused(makeAr({ ...FORMAT, ...DATA_MEMBER, ...CONTROL_MEMBER }), "DEB_INVALID", "second member");
  await refused(makeAr({ ...FORMAT, ...CONTROL_MEMBER, "data.tar.rar": Buffer.from("x") }), "DEB_INVALID", "third member");
  await refused(makeAr({ ...FORMAT, "../../x": Buffer.from("x") }), "DEB_INVALID", "member named");
  await refused(makeAr({ ...GOOD, "control.tar.gz": gzipSync(makeTar({ "./other": "x" })) }), "DEB_INVALID", "no control file");
  await refused(
    makeAr({ ...GOOD, "control.tar.gz": gzipSync(makeTar({ "./control": "Package: ../x\n" })) }),
    "PACKAGE_NAME_INVALID",
    "../x",
  );
});

test("a package cut off anywhere is refused, and never waited for", async () => {
  const whole = makeAr(GOOD);
  for (let length = 0; length < whole.length - 1; length += 7) {
    await expect(readDeb(await write(whole.subarray(0, length)))).rejects.toMatchObject({ kind: "invalid" });
  }
});

test.each(["gz", "xz", "zst", "bz2", "lzma"])("damaged data in %s is refused, and never waited for", async (suffix) => {
  await refused(
    makeAr({ ...FORMAT, ...CONTROL_MEMBER, [`data.tar.${suffix}`]: Buffer.alloc(1024 ** 2, "no") }),
    "DEB_INVALID",
    `as .${suffix}`,
  );
});

test("damage inside a large compressed member is refused", async () => {
  const { stdout } = await runChecked({
    argv: ["xz", "-0", "--stdout"],
    input: makeTar({ "./big": randomLooking(4 * 1024 ** 2) }),
  });
  stdout.writeUInt8(stdout.readUInt8(2 * 1024 ** 2) ^ 0xff, 2 * 1024 ** 2);

  await refused(makeAr({ ...FORMAT, ...CONTROL_MEMBER, "data.tar.xz": stdout }), "DEB_INVALID", "as .xz");
});

test("a damaged tar header, and pax headers that dpkg refuses too, are refused", async () => {
  const tar = makeTar({ "./usr/file": "content" });
  const damaged = Buffer.from(tar);
  damaged[0] = 0x41;
  const pax = Buffer.from(tar);
  pax[156] = "x".charCodeAt(0);
  pax.write(checksum(pax), 148, "latin1");

  await refused(makeAr({ ...GOOD, "data.tar.gz": gzipSync(damaged) }), "DEB_INVALID", "header of its tar archive is damaged");
  await refused(makeAr({ ...GOOD, "data.tar.gz": gzipSync(pax) }), "DEB_INVALID", 'entry of the type "x"');
});

test("a long name that fills the memory is refused", async () => {
  const header = Buffer.from(makeTar({ "./x": "" }).subarray(0, 512));
  header[156] = "L".charCodeAt(0);
  header.write("77777777777\0", 124, "latin1");
  header.write(checksum(header), 148, "latin1");

  await refused(makeAr({ ...GOOD, "data.tar.gz": gzipSync(header) }), "DEB_INVALID", "a name of 8589934591 bytes");
});

test("bombs stop at the limits", async () => {
  const bomb = makeAr({ ...GOOD, "control.tar.gz": gzipSync(makeTar({ "./control": Buffer.alloc(2 * 1024 ** 2) })) });
  const limits = { ...defaultLimits, debControlSizeBytesMax: 1024 ** 2 };
  await expect(readDeb(await write(bomb), { limits })).rejects.toMatchObject({ kind: "invalid", code: "DEB_TOO_LARGE" });

  const many = makeAr({ ...GOOD, "data.tar.gz": gzipSync(makeTar({ "./a": "", "./b": "", "./c": "" })) });
  await expect(readDeb(await write(many), { limits: { ...defaultLimits, debFileCountMax: 2 } })).rejects.toMatchObject({
    code: "DEB_TOO_LARGE",
  });
});

test.each([
  ["xz", "xz"],
  ["zstd", "zst"],
])("a bomb in %s is stopped by its ratio, long before its end", async (program, suffix) => {
  const header = Buffer.from(makeTar({ "./big": "" }).subarray(0, 512));
  header.write("77777777777\0", 124, "latin1");
  header.write(checksum(header), 148, "latin1");
  const begin = (await runChecked({ argv: [program, "-1", "--stdout"], input: header })).stdout;
  const zeros = (await runChecked({ argv: [program, "-1", "--stdout"], input: Buffer.alloc(32 * 1024 ** 2) })).stdout;
  const data = Buffer.concat([begin, ...Array.from({ length: 20 }, () => zeros)]);

  await refused(makeAr({ ...FORMAT, ...CONTROL_MEMBER, [`data.tar.${suffix}`]: data }), "DEB_TOO_LARGE", "bytes unpack to");
});

test.each([
  ["gzip", "gz"],
  ["xz", "xz"],
  ["zstd", "zst"],
  ["bzip2", "bz2"],
])("no file is lost in data of several %s streams, however they are cut", async (program, suffix) => {
  const tar = makeTar({ "./big": randomLooking(700_000), "./usr/last": "x" });
  const cuts = [0, 300, 100_000, tar.length - 3000, tar.length - 200, tar.length];
  const streams: Buffer[] = [];
  for (const [index, begin] of cuts.slice(0, -1).entries()) {
    streams.push((await runChecked({ argv: [program, "--stdout"], input: tar.subarray(begin, cuts[index + 1]) })).stdout);
  }
  const whole = Buffer.concat(streams);

  const deb = await readDeb(await write(makeAr({ ...FORMAT, ...CONTROL_MEMBER, [`data.tar.${suffix}`]: whole })));

  expect(deb.files.map((file) => file.path)).toEqual(["big", "usr", "usr/last"]);
  const cut = makeAr({ ...FORMAT, ...CONTROL_MEMBER, [`data.tar.${suffix}`]: whole.subarray(0, -6) });
  await expect(readDeb(await write(cut))).rejects.toMatchObject({ code: "DEB_INVALID" });
});

test("compressed data that asks for gigabytes of memory is refused", async () => {
  const { stdout } = await runChecked({ argv: ["xz", "--format=lzma", "--stdout"], input: makeTar({ "./file": "x" }) });
  stdout.writeUInt32LE(0xffff_ffff, 1);

  await refused(makeAr({ ...FORMAT, ...CONTROL_MEMBER, "data.tar.lzma": stdout }), "DEB_INVALID", "as .lzma");
});

test.each(["xz", "gzip"])("an abort ends the reading of %s", async (program) => {
  const { stdout } = await runChecked({ argv: [program, "--stdout"], input: makeTar({ "./file": "x" }) });
  const suffix = program === "xz" ? "xz" : "gz";
  const path = await write(makeAr({ ...FORMAT, ...CONTROL_MEMBER, [`data.tar.${suffix}`]: stdout }));

  await expect(readDeb(path, { signal: AbortSignal.abort() })).rejects.toThrow("aborted");
});

async function refused(bytes: Buffer, code: string, message: string): Promise<void> {
  const reading = readDeb(await write(bytes));
  await expect(reading).rejects.toMatchObject({ kind: "invalid", code });
  await expect(reading).rejects.toThrow(message);
}

let count = 0;
async function write(bytes: Uint8Array): Promise<string> {
  count += 1;
  const path = join(directory, `${count}.deb`);
  await writeFile(path, bytes);
  return path;
}

function checksum(header: Buffer): string {
  let sum = 0;
  for (const [index, byte] of header.subarray(0, 512).entries()) sum += index >= 148 && index < 156 ? 32 : byte;
  return `${sum.toString(8).padStart(6, "0")}\0 `;
}

/** Not compressible, and the same each time. */
function randomLooking(sizeBytes: number): Buffer {
  return createCipheriv("aes-128-ctr", Buffer.alloc(16), Buffer.alloc(16)).update(Buffer.alloc(sizeBytes));
}
