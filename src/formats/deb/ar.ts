import type { ByteSource } from "./byte-source.ts";
import { invalidDeb } from "./invalid-deb.ts";

export interface ArMember {
  readonly name: string;
  readonly offset: number;
  readonly sizeBytes: number;
}

const MAGIC = "!<arch>\n";
const HEADER_BYTES = 60;
/** A .deb has three; some tools add signatures before or after the data. */
const MEMBERS_MAX = 32;
const MEMBER_NAME = /^[A-Za-z0-9_][A-Za-z0-9+.~_-]*$/;

/** The members of an ar archive, without reading them. Throws DEB_INVALID. */
export async function listArMembers(source: ByteSource): Promise<ArMember[]> {
  const size = source.sizeBytes;
  const magic = await source.read(0, MAGIC.length);
  if (magic.toString("latin1") !== MAGIC) throw invalidDeb("it does not begin as an ar archive");

  const members: ArMember[] = [];
  let offset = MAGIC.length;
  while (offset < size) {
    const member = parseHeader(await source.read(offset, HEADER_BYTES), offset + HEADER_BYTES);
    if (member.offset + member.sizeBytes > size) throw invalidDeb(`its member ${member.name} is cut off`);
    members.push(member);
    if (members.length > MEMBERS_MAX) throw invalidDeb(`it has more than ${MEMBERS_MAX} members`);
    offset = member.offset + member.sizeBytes + (member.sizeBytes % 2);
  }
  return members;
}

/** name[16] time[12] owner[6] group[6] mode[8] size[10] "`\n" */
function parseHeader(header: Buffer, offset: number): ArMember {
  const text = header.toString("latin1");
  const name = text.slice(0, 16).trimEnd().replace(/\/$/, "");
  const size = text.slice(48, 58).trimEnd();
  if (text.slice(58) !== "`\n" || !/^[0-9]+$/.test(size)) throw invalidDeb("a header of its ar archive is damaged");
  if (!MEMBER_NAME.test(name)) throw invalidDeb(`its ar archive has a member named ${JSON.stringify(name)}`);
  return { name, offset, sizeBytes: Number(size) };
}
