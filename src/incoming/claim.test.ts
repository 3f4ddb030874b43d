import { expect, test } from "vitest";
import type { SourceFileEntry } from "../formats/index.ts";
import { matchFiles } from "./claim.ts";
import type { QuarantineRow } from "./quarantine.ts";

function row(id: string, name: string, sha256: string, peer: string, size = 3): QuarantineRow {
  return { id, name, size_bytes: size, sha256, kind: "file", channel: "ftp", peer, received_at: "", expires_at: "" };
}

function entry(name: string, sha256: string, sizeBytes = 3): SourceFileEntry {
  return { name, sizeBytes, md5: "", sha256 };
}

const SENDER = { peer: "A" };

test("a file of the same name with other content is not claimed", () => {
  const claim = matchFiles([entry("f", "x")], [row("1", "f", "y", "B")], SENDER);

  expect(claim.claimed).toEqual([]);
  expect(claim.missing).toEqual([{ entry: entry("f", "x"), other: undefined }]);
});

test("the right hash with another size is not claimed", () => {
  expect(matchFiles([entry("f", "x", 4)], [row("1", "f", "x", "A")], SENDER).claimed).toEqual([]);
});

test("the sender's own copy goes first, another's fits too", () => {
  const own = row("2", "f", "x", "A");
  const others = row("1", "f", "x", "B");

  expect(matchFiles([entry("f", "x")], [others, own], SENDER).claimed[0]?.row).toBe(own);
  expect(matchFiles([entry("f", "x")], [others], SENDER).claimed[0]?.row).toBe(others);
});

test("what the sender sent instead of a missing file is told", () => {
  const wrong = row("1", "f", "y", "A");

  const claim = matchFiles([entry("f", "x")], [wrong, row("2", "f", "z", "B")], SENDER);

  expect(claim.missing[0]?.other).toBe(wrong);
  expect(claim.related).toEqual([wrong]);
});
