import * as fc from "fast-check";
import { expect, test } from "vitest";
import { normaliseAddress, quotaKeyOf } from "./peer-address.ts";

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
