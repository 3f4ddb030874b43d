import { expect, test } from "vitest";
import { parseHttpEndpoint } from "./http-endpoint.ts";

test.each([
  ["tcp6:port=8066", { isEncrypted: false, address: "::", port: 8066, tls: undefined }],
  ["tcp:8066", { isEncrypted: false, address: "0.0.0.0", port: 8066, tls: undefined }],
  ["tcp6:interface=localhost:port=8066", { isEncrypted: false, address: "localhost", port: 8066, tls: undefined }],
  ["tcp6:port=80:interface=\\:\\:1", { isEncrypted: false, address: "::1", port: 80, tls: undefined }],
  ["ssl:port=8443", { isEncrypted: true, address: "::", port: 8443, tls: undefined }],
  [
    "ssl:port=8067:privateKey=/etc/k\\:1.pem:certKey=/etc/c.pem",
    { isEncrypted: true, address: "::", port: 8067, tls: { keyPath: "/etc/k:1.pem", certificatePath: "/etc/c.pem" } },
  ],
])("%s", (text, endpoint) => {
  expect(parseHttpEndpoint(text)).toEqual(endpoint);
});

test.each([
  ["", "none of tcp:"],
  ["8066", "none of tcp:"],
  ["unix:/run/x", "none of tcp:"],
  ["constructor:port=1", "none of tcp:"],
  ["tcp6:port=99999", "no port"],
  ["tcp6:interface=localhost", "no port"],
  ["tcp6:port=80:privateKey=/x", "unknown argument privateKey"],
  ["ssl:port=80:privateKey=/x", "needs both"],
  ["ssl:port=80:privateKey=x:certKey=y", "absolute paths"],
  ["tcp6:port=80:backlog", "unknown argument backlog"],
])("%j is refused", (text, why) => {
  expect(parseHttpEndpoint(text)).toContain(why);
});
