import { isIP } from "node:net";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { formatPassiveReply, parseExtendedPortArgument, parsePortArgument } from "./address.ts";

test("PORT's argument is what PASV's reply says", () => {
  fc.assert(
    fc.property(fc.ipV4(), fc.integer({ min: 0, max: 65_535 }), (host, port) => {
      expect(parsePortArgument(formatPassiveReply(host, port).slice(1, -1))).toEqual({ host, port });
    }),
  );
});

test.each(["", "1,2,3,4,5", "1,2,3,4,5,6,7", "256,0,0,1,1,1", "1,2,3,4,5,256", "a,2,3,4,5,6", "-1,2,3,4,5,6", "0x1,2,3,4,5,6"])(
  "PORT refuses %j",
  (argument) => {
    expect(parsePortArgument(argument)).toBeUndefined();
  },
);

test("EPRT takes RFC 2428's examples, with any delimiter", () => {
  expect(parseExtendedPortArgument("|1|132.235.1.2|6275|")).toEqual({ host: "132.235.1.2", port: 6275 });
  expect(parseExtendedPortArgument("!2!1080::8:800:200C:417A!5282!")).toEqual({ host: "1080::8:800:200C:417A", port: 5282 });
});

test.each([
  "",
  "|",
  "|1|::1|5000|",
  "|2|127.0.0.1|5000|",
  "|1|127.0.0.1|65536|",
  "|1|127.0.0.1|5000",
  "|3|127.0.0.1|1|",
  "|1|localhost|9|",
])("EPRT refuses %j", (argument) => {
  expect(parseExtendedPortArgument(argument)).toBeUndefined();
});

test("no argument makes the parsers throw or give an address that is none", () => {
  const pieces = fc.constantFrom("|", ",", "1", "2", "255", "::", "127.0.0.1", ":", "99999", "%eth0", "[", "]", "\u0660");
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 14 }), (parts) => {
      for (const parse of [parsePortArgument, parseExtendedPortArgument]) {
        const address = parse(parts.join(""));
        if (address !== undefined) expect(isIP(address.host)).toBeGreaterThan(0);
      }
    }),
    { numRuns: 2000 },
  );
});
