import * as fc from "fast-check";
import { expect, test } from "vitest";
import { fieldValue, formatDeb822, parseDeb822Stanza, parseDeb822Stanzas, parseSignedStanza, requiredField } from "./deb822.ts";

test("a folded value keeps its lines, without their leading blank and trailing white space", () => {
  check("A: one \n two\t\n  three\n", { A: "one\ntwo\n three" });
});

test("dots stand for empty lines", () => {
  check("Description: short\n long\n .\n ..\n end\n", { Description: "short\nlong\n\n.\nend" });
});

test("line ends of DOS and a missing last one are taken", () => {
  check("A: 1\r\nB:\r\n x\r\n y", { A: "1", B: "\nx\ny" });
});

test("names are found in any case", () => {
  const stanza = parseDeb822Stanza("CHECKSUMS-sha256: x\n");

  expect(fieldValue(stanza, "Checksums-Sha256")).toBe("x");
});

test("comments are left out, between continuation lines too", () => {
  check("# first\nA: 1\n# between\n 2\n#\nB: #no comment\n", { A: "1\n2", B: "#no comment" });
});

test("runs of blank lines separate paragraphs", () => {
  const stanzas = parseDeb822Stanzas("\n\nA: 1\n\n \t\n\nA: 2\n\n");

  expect(stanzas.map((stanza) => fieldValue(stanza, "A"))).toEqual(["1", "2"]);
  expect(stanzas.map((stanza) => stanza.line)).toEqual([3, 7]);
});

test("a blank line inside a field, as old Package-Lists have it, does not end the paragraph", () => {
  check("Package-List:\n a deb\n\n \n b deb\nFiles: x\n", { "Package-List": "\na deb\n\n\nb deb", Files: "x" });
});

test("a field that occurs twice is refused with its place, in any case", () => {
  refused("A: 1\nFiles: x\n\tfolded\nfILES: y\n", 'x.dsc, line 4, field "fILES": the field occurs twice');
});

test("lines that are no field are refused with their place", () => {
  refused("A: 1\nnonsense\n", 'x.dsc, line 2: "nonsense" is not of the form "Name: value"');
  refused("A: 1\n-B: 1\n", 'x.dsc, line 2: "-B: 1" is not of the form "Name: value"');
  refused("A: 1\nB C: 1\n", 'x.dsc, line 2: "B C: 1" is not of the form "Name: value"');
  refused("A: 1\nÄ: 1\n", 'x.dsc, line 2: "Ä: 1" is not of the form "Name: value"');
  refused(" continued\n", "x.dsc, line 1: a continuation line without a field");
});

test("nothing, a second paragraph, NUL and bytes that are not UTF-8 are refused", () => {
  refused("\n# only this\n", "x.dsc: there is no field");
  refused("A: 1\n\nB: 2\n", "x.dsc, line 3: a second paragraph begins, and only one is allowed");
  refused("A: 1\nB: \0\n", "x.dsc, line 2: there is a NUL byte");
  refused(Buffer.from("A: M\xfcller\n", "latin1"), "x.dsc is not UTF-8");
});

test("what is too large is not read", () => {
  expect(() => parseDeb822Stanza("A: 123456789\n", { sizeBytesMax: 5 })).toThrow(
    expect.objectContaining({ kind: "invalid", code: "CONTROL_DATA_TOO_LARGE" }),
  );
});

test("a required field must be there and say something", () => {
  const stanza = parseDeb822Stanza("\nA:\n");

  expect(() => requiredField(stanza, "B", { subject: "x" })).toThrow('x, line 2, field "B": the field is missing');
  expect(() => requiredField(stanza, "a", { subject: "x" })).toThrow('x, line 2, field "a": the field is empty');
});

test("in signed text only the inside counts, and places are those of the file", () => {
  const signed =
    "Source: forged\n-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nSource: real\n%\n-----BEGIN PGP SIGNATURE-----\n\nx\n-----END PGP SIGNATURE-----\nSource: forged\n";

  expect(fieldValue(parseSignedStanza(signed.replace("%\n", "")), "Source")).toBe("real");
  expect(() => parseSignedStanza(signed)).toThrow("line 6: ");
});

test("a value cannot add fields or paragraphs when written", () => {
  const stanza = parseDeb822Stanza(formatDeb822([["A", "1\nB: 2\n\nC: 3\n# d"]]));

  expect([...stanza.fields.keys()]).toEqual(["a"]);
  expect(fieldValue(stanza, "A")).toBe("1\nB: 2\n\nC: 3\n# d");
});

test("a name that could break the text is not written", () => {
  for (const name of ["A B", "A:", "", "#A", "-A", "A\n"]) {
    expect(() => formatDeb822([[name, "x"]])).toThrow(expect.objectContaining({ code: "CONTROL_DATA_INVALID" }));
  }
});

test("what is written is read as the same", () => {
  const line = fc.string({ unit: "grapheme" }).map((text) => text.replaceAll(/[\n\0]/g, "").replace(/[ \t\r]+$/, ""));
  const value = fc.tuple(line, fc.array(line)).map(([first, rest]) => [first.replace(/^[ \t]+/, ""), ...rest].join("\n"));
  const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,8}$/);
  const fields = fc.uniqueArray(fc.tuple(name, value), { selector: ([key]) => key.toLowerCase(), minLength: 1 });

  fc.assert(
    fc.property(fields, (pairs) => {
      const text = formatDeb822(pairs);
      const stanza = parseDeb822Stanza(text);
      expect([...stanza.fields.values()].map((field) => [field.name, field.value])).toEqual(pairs);
      expect(formatDeb822(stanza)).toBe(text);
    }),
    { numRuns: 300 },
  );
});

function check(text: string, expected: Record<string, string>): void {
  const stanza = parseDeb822Stanza(text);
  expect(Object.fromEntries([...stanza.fields.values()].map((field) => [field.name, field.value]))).toEqual(expected);
}

function refused(input: string | Uint8Array, message: string): void {
  expect(() => parseDeb822Stanza(input, { subject: "x.dsc" })).toThrow(
    expect.objectContaining({ kind: "invalid", code: "CONTROL_DATA_INVALID", message }),
  );
}
