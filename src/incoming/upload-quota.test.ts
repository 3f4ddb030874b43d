import { expect, test } from "vitest";
import { ManualClock } from "../runtime/index.ts";
import { UploadQuota } from "./upload-quota.ts";

const BUSY = expect.objectContaining({ code: "UPLOAD_PEER_BUSY" });

function quota(limits: Partial<ConstructorParameters<typeof UploadQuota>[0]> = {}) {
  const clock = new ManualClock(new Date("2026-11-22T12:00:00Z"));
  const defaults = { uploadConnectionsMax: 3, uploadConnectionsPerPeerMax: 2, uploadStartsPerMinutePerPeerMax: 100 };
  return { clock, quota: new UploadQuota({ ...defaults, ...limits }, clock) };
}

test("one peer may not take all connections", () => {
  const { quota: subject } = quota();
  subject.connect("A");
  const release = subject.connect("A");

  expect(() => subject.connect("A")).toThrow(BUSY);
  subject.connect("B");
  expect(() => subject.connect("C")).toThrow(BUSY);

  release();
  release();
  subject.connect("A");
  expect(() => subject.connect("C")).toThrow(BUSY);
});

test("the rate of a peer is limited by the minute", () => {
  const { quota: subject, clock } = quota({ uploadStartsPerMinutePerPeerMax: 2 });
  subject.start("A");
  subject.start("A");

  expect(() => subject.start("A")).toThrow(BUSY);
  subject.start("B");
  clock.advance(60_000);
  subject.start("A");
});

test("the addresses of one IPv6 network are one peer", () => {
  const { quota: subject } = quota();
  subject.connect("2001:db8::1");
  subject.connect("2001:db8::2");

  expect(() => subject.connect("2001:db8::3")).toThrow(BUSY);
  subject.connect("2001:db8:0:1::3");
});
