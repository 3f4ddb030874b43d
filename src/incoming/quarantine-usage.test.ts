import { expect, test } from "vitest";
import { QuarantineUsage } from "./quarantine-usage.ts";

const FULL = expect.objectContaining({ code: "UPLOAD_QUARANTINE_FULL" });

test("bytes, files and waiting .changes are limited, and given back", () => {
  const usage = new QuarantineUsage({ quarantineSizeBytesMax: 10, quarantineFileCountMax: 2, waitingChangesCountMax: 1 });
  usage.addFile(true);
  usage.addBytes(8);

  expect(() => usage.addBytes(3)).toThrow(FULL);
  expect(() => usage.mustFit(3)).toThrow(FULL);
  expect(() => usage.addFile(true)).toThrow(FULL);
  usage.addFile(false);
  expect(() => usage.addFile(false)).toThrow(FULL);

  usage.remove({ sizeBytes: 8, isChanges: true });
  usage.addFile(true);
  usage.addBytes(10);
  expect(usage.sizeBytes).toBe(10);
});
