import type { Delivery } from "../../../src/incoming/index.ts";

/** A row of the packager's table, for tests that have no packager. */
export function uploadRow(id: string, delivery: Delivery) {
  return {
    id,
    state: "received",
    source: "hello",
    version: "1",
    distribution: "d",
    timecode: "t",
    changes_name: delivery.changesName,
    changes_sha256: delivery.changesSha256,
    changes_text: "",
    signer_fingerprint: null,
    channel: delivery.channel,
    peer: delivery.peer,
    problems: "[]",
    received_at: "",
    ended_at: null,
  };
}
