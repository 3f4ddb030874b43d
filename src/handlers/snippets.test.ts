import { expect, test } from "vitest";
import type { InstanceFacts } from "./context.ts";
import { dputConfiguration, dputEncryptedConfigurations } from "./snippets.ts";

const FACTS = { identity: "acme", hostname: "buildd.example.org", url: "http://buildd.example.org:8066", ftpPort: 8067 };
const NONE = { certificateFingerprint: undefined, httpsUrl: undefined, sftp: undefined };

function instance(encryption: InstanceFacts["encryption"]): InstanceFacts {
  return { ...FACTS, version: "1", origin: "o", parallelBuilds: 1, publicKey: "k", encryption };
}

test("an instance without encryption has nothing to say of it", () => {
  expect(dputEncryptedConfigurations(instance({ ftps: "off", ...NONE }))).toEqual([]);
  expect(dputConfiguration(instance({ ftps: "off", ...NONE }))).toContain("method   = ftp\n");
});

test("where FTPS is required, the first section is by FTPS", () => {
  const required = instance({ ftps: "required", ...NONE });

  expect(dputConfiguration(required)).toBe(
    "[mini-buildd-acme]\nmethod   = ftps\nfqdn     = buildd.example.org:8067\nlogin    = anonymous\nincoming = /incoming\n",
  );
  expect(dputEncryptedConfigurations(required)).toEqual([]);
});

test("each encrypted way has a section of its own, by which dput finds its method", () => {
  const all = instance({
    ftps: "offered",
    certificateFingerprint: "AA:BB",
    httpsUrl: "https://buildd.example.org:8443",
    sftp: { port: 8068, hostKeyFingerprint: "SHA256:x" },
  });

  const texts = dputEncryptedConfigurations(all).map(({ text }) => text);

  expect(texts).toEqual([
    "[mini-buildd-acme-https]\nmethod   = https\nfqdn     = buildd.example.org:8443\nlogin    = anonymous\nincoming = /upload\n",
    "[mini-buildd-acme-sftp]\nmethod   = sftp\nfqdn     = buildd.example.org\nport     = 8068\nlogin    = *\nincoming = /incoming\n",
    "[mini-buildd-acme-ftps]\nmethod   = ftps\nfqdn     = buildd.example.org:8067\nlogin    = anonymous\nincoming = /incoming\n",
  ]);
});
