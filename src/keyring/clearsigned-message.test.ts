import { expect, test } from "vitest";
import { splitClearsignedMessage } from "./clearsigned-message.ts";

const SIGNATURE = "-----BEGIN PGP SIGNATURE-----\n\nabc=\n-----END PGP SIGNATURE-----\n";

function message(text: string, headers = "Hash: SHA512\n"): Buffer {
  return Buffer.from(`-----BEGIN PGP SIGNED MESSAGE-----\n${headers}\n${text}${SIGNATURE}`, "latin1");
}

function checkText(bytes: Buffer, expected: string): void {
  expect(splitClearsignedMessage(bytes).signedBytes.toString("latin1")).toBe(expected);
}

function checkRefused(bytes: Buffer | string, code: string): void {
  expect(() => splitClearsignedMessage(Buffer.from(bytes))).toThrow(expect.objectContaining({ kind: "forbidden", code }));
}

test("the text between the headers and the signature is what is signed", () => checkText(message("A: b\nC: d\n"), "A: b\nC: d"));

test("dashes are unescaped", () => checkText(message("- -----BEGIN\n- x\n"), "-----BEGIN\nx"));

test("trailing white space and CRLF are no part of the text", () => checkText(message("A: b \t\r\nC\r\n"), "A: b\nC"));

test("bytes that are no UTF-8 survive", () => checkText(message("A: \xff\xe9\n"), "A: \xff\xe9"));

test("everything before and after the block is ignored", () => {
  const bytes = Buffer.concat([Buffer.from("Evil: yes\n\n"), message("A: b\n"), message("A: c\n"), Buffer.from("Evil: yes\n")]);

  checkText(bytes, "A: b");
});

test("a text without signature is called unsigned", () => checkRefused("Source: x\n", "SIGNATURE_MISSING"));

test("a header other than Hash is refused", () => checkRefused(message("A: b\n", "Source: evil\n"), "SIGNATURE_BAD"));

test("an unescaped dash is refused", () => checkRefused(message("-x\n"), "SIGNATURE_BAD"));

test("a NUL byte is refused", () => checkRefused(message("A: b\0c\n"), "SIGNATURE_BAD"));

test("a message that ends before its signature is refused", () => {
  const whole = message("A: b\n");

  for (const size of [45, 55, 60, whole.length - 5]) checkRefused(whole.subarray(0, size), "SIGNATURE_BAD");
});
