import { isIP } from "node:net";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { formatPassiveReply, normaliseAddress, parseExtendedPortArgument, parsePortArgument, quotaKeyOf } from "./address.ts";

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

test("one address has one form", () => {
  expect(normaliseAddress("::ffff:127.0.0.1")).toBe("127.0.0.1");
  expect(normaliseAddress("0:0:0:0:0:0:0:1")).toBe("::1");
  expect(normaliseAddress("2001:DB8::0:1")).toBe("2001:db8::1");
  expect(normaliseAddress("fe80::1%eth0")).toBe("fe80::1");
  expect(normaliseAddress(undefined)).toBe("");
});

test.each([
  ["192.0.2.1", "192.0.2.1"],
  ["::1", "0:0:0:0::/64"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["2001:db8:0:1:ffff::1", "2001:db8:0:1::/64"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["1:2::", "1:2:0:0::/64"],
  ["", ""],
])("quotas count %j as %j", (peer, key) => {
  expect(quotaKeyOf(peer)).toBe(key);
});

test("whatever a host puts into the lower 64 bits, its quota is the same; another network has another", () => {
  const group = fc.integer({ min: 0, max: 0xffff }).map((number) => number.toString(16));
  const half = fc.tuple(group, group, group, group).map((groups) => groups.join(":"));
  fc.assert(
    fc.property(half, half, half, half, (network, otherNetwork, one, other) => {
      const keyOf = (address: string) => quotaKeyOf(normaliseAddress(address));
      expect(keyOf(`${network}:${one}`)).toBe(keyOf(`${network}:${other}`));
      if (network !== otherNetwork) expect(keyOf(`${network}:${one}`)).not.toBe(keyOf(`${otherNetwork}:${one}`));
    }),
  );
});
