/** One line `pub` or `sub` of gpg's listing, with what belongs to it. */
export interface ListedKey {
  readonly kind: "pub" | "sub";
  readonly validity: string;
  readonly bits: number;
  readonly algorithm: string;
  readonly curve: string;
  readonly createdAt: Date;
  readonly expiresAt: Date | undefined;
  readonly capabilities: string;
  fingerprint: string;
  userId: string;
  readonly subkeys: ListedKey[];
}

/** gpg's --with-colons (doc/DETAILS of GnuPG). */
export function parseListing(listing: string): ListedKey[] {
  const keys: ListedKey[] = [];
  let current: ListedKey | undefined;
  for (const line of listing.split("\n")) {
    const fields = line.split(":");
    if (fields[0] === "pub" || fields[0] === "sub") {
      current = listedKey(fields[0], fields);
      if (current.kind === "pub") keys.push(current);
      else keys.at(-1)?.subkeys.push(current);
    }
    if (fields[0] === "fpr" && current?.fingerprint === "") current.fingerprint = fields[9] ?? "";
    const owner = keys.at(-1);
    if (fields[0] === "uid" && owner?.userId === "") owner.userId = unescapeColons(fields[9] ?? "");
  }
  return keys;
}

function listedKey(kind: "pub" | "sub", fields: readonly string[]): ListedKey {
  return {
    kind,
    validity: fields[1] ?? "",
    bits: Number(fields[2]),
    algorithm: fields[3] ?? "",
    createdAt: new Date(Number(fields[5]) * 1000),
    expiresAt: fields[6] === undefined || fields[6] === "" ? undefined : new Date(Number(fields[6]) * 1000),
    capabilities: fields[11] ?? "",
    curve: fields[16] ?? "",
    fingerprint: "",
    userId: "",
    subkeys: [],
  };
}

/** `\x3a` is a colon. */
function unescapeColons(text: string): string {
  return text.replaceAll(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
