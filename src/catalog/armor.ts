/** CRC-24 of each byte: a distributor's keyrings are large, and read at each start. */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 16;
  for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ ((crc & 0x800000) === 0 ? 0 : 0x1864cfb);
  return crc & 0xffffff;
});

/** OpenPGP ASCII armor (RFC 9580, 6.2) of public keys, so that an APT source can carry its keys with it. */
export function armorPublicKeys(bytes: Uint8Array): string {
  const body = Buffer.from(bytes)
    .toString("base64")
    .replaceAll(/.{64}(?=.)/g, "$&\n");
  return `-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n${body}\n=${armorChecksum(bytes)}\n-----END PGP PUBLIC KEY BLOCK-----\n`;
}

/** The keys of a file, armored (one or more blocks) or not, as plain packets: those can be put one after the other. */
export function readPublicKeys(file: Uint8Array): Uint8Array {
  const text = Buffer.from(file).toString("latin1");
  const blocks = [...text.matchAll(/-----BEGIN PGP PUBLIC KEY BLOCK-----\r?\n([\s\S]*?)-----END PGP PUBLIC KEY BLOCK-----/g)];
  return blocks.length === 0 ? file : Buffer.concat(blocks.map(([, block]) => decodeBlock(block ?? "")));
}

/** Armor headers end at the first empty line; the checksum line starts with "=". */
function decodeBlock(block: string): Buffer {
  const lines = block.split(/\r?\n/);
  const start = lines.findIndex((line) => line.trim() === "");
  const body = lines.slice(start + 1).filter((line) => !line.startsWith("="));
  return Buffer.from(body.join(""), "base64");
}

/** CRC-24: apt's own reader ignores it, gpg before 2.4 wants it. */
function armorChecksum(bytes: Uint8Array): string {
  let crc = 0xb704ce;
  for (const byte of bytes) crc = ((crc << 8) & 0xffffff) ^ (CRC_TABLE[(crc >> 16) ^ byte] ?? 0);
  return Buffer.from([(crc >> 16) & 255, (crc >> 8) & 255, crc & 255]).toString("base64");
}
