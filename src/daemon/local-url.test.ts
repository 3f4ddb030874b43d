import { expect, test } from "vitest";
import { extraLoopback, localUrl } from "./local-url.ts";

test.each([
  ["::", "http://127.0.0.1:8066"],
  ["0.0.0.0", "http://127.0.0.1:8066"],
  ["192.0.2.7", "http://192.0.2.7:8066"],
  ["::1", "http://127.0.0.1:8066"],
  ["2001:db8::7", "http://127.0.0.1:8066"],
])("a server that listens on %s is reached at %s", (address, url) => {
  expect(localUrl({ http: { address, port: 8066 } })).toBe(url);
});

test.each([
  ["::", undefined],
  ["0.0.0.0", undefined],
  ["192.0.2.7", undefined],
  ["::1", "127.0.0.1"],
])("a server on %s listens for our own builds also on %s", (address, also) => {
  expect(extraLoopback({ http: { address, port: 8066 } })).toBe(also);
});
