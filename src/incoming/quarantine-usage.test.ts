import { expect, test } from "vitest";
import { QuarantineUsage } from "./quarantine-usage.ts";

const FULL = expect.objectContaining({ code: "UPLOAD_QUARANTINE_FULL" });
const LIMITS = { quarantineSizeBytesMax: 10, quarantineFileCountMax: 2, waitingChangesCountMax: 1, quarantinePeerShareMax: 1 };

function file(peer: string, sizeBytes = 0, isChanges = false) {
  return { peer, sizeBytes, isChanges, isNewFile: true };
}

test("bytes, files and waiting .changes are limited, and given back", () => {
  const usage = new QuarantineUsage(LIMITS);
  usage.add(file("A", 8, true));

  expect(() => usage.add(file("B", 3))).toThrow(FULL);
  expect(() => usage.mustFit("B", 3)).toThrow(FULL);
  expect(() => usage.add(file("B", 0, true))).toThrow(FULL);
  usage.add(file("B"));
  expect(() => usage.add(file("C"))).toThrow(FULL);
  expect(usage).toMatchObject({ sizeBytes: 8, fileCount: 2 });

  usage.remove(file("A", 8, true));
  usage.add(file("C", 10, true));
  expect(usage).toMatchObject({ sizeBytes: 10, fileCount: 2 });
});

test("one address gets its share only; others still have room", () => {
  const usage = new QuarantineUsage({ ...LIMITS, quarantineFileCountMax: 4, quarantinePeerShareMax: 0.5 });
  usage.add(file("A", 5));

  expect(() => usage.add({ ...file("A", 1), isNewFile: false })).toThrow(FULL);
  usage.add(file("A"));
  expect(() => usage.add(file("A"))).toThrow(FULL);
  usage.add(file("B", 5));
});

test("the addresses of one IPv6 network share a share", () => {
  const usage = new QuarantineUsage({ ...LIMITS, quarantineFileCountMax: 4, quarantinePeerShareMax: 0.5 });
  usage.add(file("2001:db8::1"));
  usage.add(file("2001:db8::2"));

  expect(() => usage.add(file("2001:db8::3"))).toThrow(FULL);
  expect(() => usage.mustFit("2001:db8::3", 6)).toThrow(FULL);
  usage.add(file("2001:db8:0:1::1"));
  usage.remove(file("2001:db8::2"));
  usage.add(file("2001:db8::3"));
});
