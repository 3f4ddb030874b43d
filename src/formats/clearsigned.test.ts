import { expect, test } from "vitest";
import { splitClearsigned } from "./clearsigned.ts";

const SIGNATURE = "-----BEGIN PGP SIGNATURE-----\n\niQIz\n=M+uU\n-----END PGP SIGNATURE-----\n";

test("text that is not signed is returned as it is", () => {
  expect(splitClearsigned("Source: x\n")).toEqual({ text: "Source: x\n", signature: undefined, firstLine: 1 });
});

test("the marker inside a line begins nothing", () => {
  const text = "Changes: -----BEGIN PGP SIGNED MESSAGE-----\n";

  expect(splitClearsigned(text).text).toBe(text);
});

test("text before and after the signed block is left out", () => {
  const { text, signature, firstLine } = splitClearsigned(`before\n${signed("a: 1\n\nb: 2\n")}after\n`);

  expect(text).toBe("a: 1\n\nb: 2\n");
  expect(signature).toBe(SIGNATURE);
  expect(firstLine).toBe(5);
});

test("escaped dashes are restored, and line ends of DOS taken", () => {
  expect(splitClearsigned(signed("- -----BEGIN x\n- a\nb\n").replaceAll("\n", "\r\n")).text).toBe("-----BEGIN x\na\nb\n");
});

test("blocks that are not whole or not alone are refused", () => {
  refused(signed("a\n").replace("-----END PGP SIGNATURE-----\n", ""), "missing or cut off");
  refused("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\na: 1\n", "missing or cut off");
  refused("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512", "no empty line");
  refused(signed("a\n") + signed("b\n"), "two signed messages");
});

test("text smuggled into the headers or behind a bare dash is refused", () => {
  refused(signed("a\n").replace("Hash: SHA512", "Source: other"), 'line 2 is not a "Hash:" header');
  refused(signed("- a\n-b\n"), "line 5 begins with a dash");
});

function signed(text: string): string {
  return `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n${text}${SIGNATURE}`;
}

function refused(text: string, message: string): void {
  expect(() => splitClearsigned(text)).toThrow(expect.objectContaining({ code: "CLEARSIGNED_INVALID" }));
  expect(() => splitClearsigned(text)).toThrow(message);
}
