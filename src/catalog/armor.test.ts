import { expect, test } from "vitest";
import { armorPublicKeys, readPublicKeys } from "./armor.ts";

test("the checksum is the one of RFC 9580", () => {
  // CRC-24/OPENPGP of "123456789" is 0x21cf02.
  const expected = Buffer.from([0x21, 0xcf, 0x02]).toString("base64");

  expect(armorPublicKeys(Buffer.from("123456789"))).toContain(`\n=${expected}\n`);
});

test("what was armored is read again, several blocks too", () => {
  const [one, other] = [Buffer.from("one".repeat(100)), Buffer.from("other")];

  expect(readPublicKeys(Buffer.from(armorPublicKeys(one) + armorPublicKeys(other)))).toEqual(Buffer.concat([one, other]));
});
