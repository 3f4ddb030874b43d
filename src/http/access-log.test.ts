import { expect, test } from "vitest";
import { type AccessEntry, formatAccess } from "./access-log.ts";

const entry: AccessEntry = {
  address: "192.0.2.1",
  user: undefined,
  at: new Date("2026-11-02T03:04:05.678Z"),
  method: "GET",
  url: "/repositories/test/dists/x/InRelease?a=%22",
  httpVersion: "1.1",
  status: 200,
  bodyBytes: 1234,
  referer: undefined,
  userAgent: "Debian APT-HTTP/1.3 (2.6.1)",
};

test("a line is in the combined format", () => {
  expect(formatAccess(entry)).toBe(
    '192.0.2.1 - - [02/Nov/2026:03:04:05 +0000] "GET /repositories/test/dists/x/InRelease?a=%22 HTTP/1.1" 200 1234 "-" "Debian APT-HTTP/1.3 (2.6.1)"',
  );
});

test("nothing that a client sends ends a field or a line, or moves a cursor", () => {
  const hostile = '" 200 0 "x"\r\n10.0.0.1 \\ \u001b[2J \u00fc\u00ff';
  const line = formatAccess({ ...entry, url: `/${hostile}`, referer: hostile, userAgent: hostile, user: "a b\n" });

  expect(line).toMatch(/^[ -~]+$/);
  expect(line.match(/"/g)).toHaveLength(6);
  expect(line).toContain("192.0.2.1 - a\\x20b\\x0A [");
  expect(line).toContain("\\x22 200 0 \\x22x\\x22\\x0D\\x0A10.0.0.1 \\x5C \\x1B[2J \\xFC\\xFF");
});

test.each(["/accounts/activate/s3cret-Link/", "/accounts/activate/MQ/s3cret-Link/", "/accounts/activate/s3cret?next=/x"])(
  "a link that sets a password is not told: %s",
  (url) => {
    expect(formatAccess({ ...entry, url })).toMatch(/"GET \/accounts\/activate\/\*\*\*[^ ]* HTTP/);
    expect(formatAccess({ ...entry, url })).not.toContain("s3cret");
  },
);

test("who is not known, and what was never answered", () => {
  expect(formatAccess({ ...entry, address: "", status: 0, bodyBytes: 0 })).toMatch(/^local - - .* 000 0 "-" /);
});
