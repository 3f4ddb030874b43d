import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parseFtpCommand } from "./command.ts";

test("verbs are taken in any case, arguments as they are", () => {
  expect(parseFtpCommand("stor foo_1.0+b~1.dsc")).toEqual({ verb: "STOR", argument: "foo_1.0+b~1.dsc" });
  expect(parseFtpCommand("PASV")).toEqual({ verb: "PASV", argument: "" });
  expect(parseFtpCommand("CWD  two spaces ")).toEqual({ verb: "CWD", argument: " two spaces " });
});

test.each(["", " ", "GET / HTTP/1.1\0", "STOR a\0b", "STOR a\rb", "STORE x", "S", "12 34", "STOR\tx", "\u0130BC x"])(
  "%j is no command",
  (line) => {
    expect(parseFtpCommand(line)).toBeUndefined();
  },
);

test("whatever comes in is a command of letters without control characters, or none", () => {
  const verb = fc.constantFrom("STOR", "cwd", "PoRt", "EPRT", "");
  fc.assert(
    fc.property(verb, fc.string({ unit: "binary", maxLength: 60 }), (prefix, rest) => {
      const command = parseFtpCommand(`${prefix}${rest}`);

      if (command === undefined) return;
      expect(command.verb).toMatch(/^[A-Z]{3,4}$/);
      expect(command.argument).not.toMatch(/\p{Cc}/u);
    }),
    { numRuns: 1000 },
  );
});
